/** Owns the tests of page tokens. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPageToken, parsePageToken } from '#rooms/page-token.ts';

test('a token reads back as the position that it was made of', () => {
  fc.assert(
    fc.property(fc.maxSafeNat(), fc.maxSafeInteger(), (roomNid, order) => {
      assert.deepEqual(parsePageToken(formatPageToken({ roomNid, order })), { roomNid, order });
    }),
  );
});

test('anything else is no token', () => {
  for (const text of ['', 'nonsense', 'p1.', 'p1.1', 'p1.1.', 'p1.-1.5', 'p1.1.2.3', 'p2.1.2', 'v1.0.-1', ' p1.1.2']) {
    assert.equal(parsePageToken(text), undefined, text);
  }
  assert.equal(parsePageToken('p1.1.9007199254740992'), undefined, 'beyond what a number holds');
  assert.equal(parsePageToken(`p1.${'9'.repeat(10_000)}.1`), undefined);
});
