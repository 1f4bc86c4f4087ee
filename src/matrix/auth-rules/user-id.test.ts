/** Owns the proof of the grammar of user ids. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isUserId, serverNameOf } from '#matrix/auth-rules/user-id.ts';

test('historical user ids are valid, whatever their localpart', () => {
  for (const id of ['@a:b', '@:one.example', '@Ünicode and space:one.example:8448', '@a:[::1]:1', '@\n:b']) {
    assert.equal(isUserId(id), true, id);
  }
});

test('what cannot be a user id is none', () => {
  const atLimit = `@${'é'.repeat(121)}:one.example`;
  assert.equal(Buffer.byteLength(atLimit), 255);
  assert.equal(isUserId(atLimit), true);
  const tooLong = `@a${'é'.repeat(121)}:one.example`;
  for (const id of ['', 'a:b', '@a', '@a:', '@a:b c', '@a:b:port', '@\0:b', '@\ud800:b', '@a:b:1:2', tooLong]) {
    assert.equal(isUserId(id), false, id);
  }
});

test('the server name starts after the first colon', () => {
  assert.equal(serverNameOf('@a:b:8448'), 'b:8448');
  assert.equal(serverNameOf('!hash'), undefined);
});
