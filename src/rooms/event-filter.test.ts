/** Owns the tests of the filter of a room's history. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compileEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';

const roomId = '!room:one.test';
const message = {
  type: 'm.room.message',
  sender: '@alice:one.test',
  json: '{"content":{"url":"mxc://a/b"}}',
  redaction: undefined,
};
const member = { type: 'm.room.member', sender: '@bob:one.test', json: '{"content":{}}', redaction: undefined };

function passes(filter: RoomEventFilter): [boolean, boolean] {
  const matches = compileEventFilter(filter, roomId) ?? (() => true);
  return [matches(message), matches(member)];
}

test('a filter that says nothing needs no look at events', () => {
  assert.equal(compileEventFilter({ lazy_load_members: true, limit: 5, not_types: [] }, roomId), undefined);
});

test('types and senders choose, and what is left out wins', () => {
  assert.deepEqual(passes({ types: ['m.room.message'] }), [true, false]);
  assert.deepEqual(passes({ types: [] }), [false, false]);
  assert.deepEqual(passes({ not_types: ['m.room.message'] }), [false, true]);
  assert.deepEqual(passes({ types: ['m.*'], not_types: ['m.room.mem*'] }), [true, false]);
  assert.deepEqual(passes({ senders: ['@bob:one.test'] }), [false, true]);
  assert.deepEqual(passes({ senders: ['@bob:one.test'], not_senders: ['@bob:one.test'] }), [false, false]);
  assert.deepEqual(passes({ contains_url: true }), [true, false]);
  assert.deepEqual(passes({ contains_url: false }), [false, true]);
});

test('a redacted event has no URL any more', () => {
  const redacted = { ...message, redaction: { eventId: '$redaction', json: '{}', isRedacted: false } };
  assert.equal(compileEventFilter({ contains_url: true }, roomId)?.(redacted), false);
});

test('rooms choose too', () => {
  assert.deepEqual(passes({ rooms: [roomId] }), [true, true]);
  assert.deepEqual(passes({ rooms: [] }), [false, false]);
  assert.deepEqual(passes({ rooms: [roomId], not_rooms: [roomId] }), [false, false]);
});

test('a star stands for any run of characters', () => {
  for (const [pattern, expected] of [
    ['*', true],
    ['m.*.message', true],
    ['*message', true],
    ['m.room.message*', true],
    ['m.*room*mess*', true],
    ['m.room.message.*', false],
    ['*messages', false],
    ['m.room.mess*message', false],
  ] as const) {
    assert.equal(passes({ types: [pattern] })[0], expected, pattern);
  }
});
