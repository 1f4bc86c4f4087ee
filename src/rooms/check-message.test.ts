/** Owns the tests of what a message must have. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkMessage } from '#rooms/check-message.ts';

test('a message needs msgtype and body, both text', () => {
  assert.equal(checkMessage('m.room.message', { msgtype: 'm.text', body: '' }), undefined);
  assert.match(checkMessage('m.room.message', { body: 'x' }) ?? '', /msgtype/);
  assert.match(checkMessage('m.room.message', { msgtype: 7, body: 'x' }) ?? '', /msgtype/);
  assert.match(checkMessage('m.room.message', { msgtype: 'm.text' }) ?? '', /body/);
  assert.match(checkMessage('m.room.message', { msgtype: 'm.text', body: ['x'] }) ?? '', /body/);
});

test('other events may hold anything', () => {
  assert.equal(checkMessage('m.room.encrypted', {}), undefined);
});
