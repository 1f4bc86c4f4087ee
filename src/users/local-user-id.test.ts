import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findLocalUserId, requireNewUserId } from '#users/local-user-id.ts';

const server = { serverName: 'hs1.test', isLocal: (id: string) => id.endsWith(':hs1.test') };

test('a new name is mapped to lower case and held to the grammar', () => {
  assert.equal(requireNewUserId('Alice.1', 'hs1.test'), '@alice.1:hs1.test');
  for (const name of ['', 'with space', 'a:b', '@a', '\0', '\u212a', 'é', 'a'.repeat(246)]) {
    assert.throws(() => requireNewUserId(name, 'hs1.test'), { errcode: 'M_INVALID_USERNAME' }, name);
  }
  assert.equal(requireNewUserId('a'.repeat(245), 'hs1.test').length, 255);
});

test('a login names a localpart or a whole id of this server', () => {
  assert.equal(findLocalUserId('Alice', server), '@alice:hs1.test');
  assert.equal(findLocalUserId('@ALICE:hs1.test', server), '@alice:hs1.test');
  assert.equal(findLocalUserId('@alice:elsewhere.test', server), undefined);
  assert.equal(findLocalUserId('@alice', server), undefined);
  assert.equal(findLocalUserId('a\0b', server), undefined);
});
