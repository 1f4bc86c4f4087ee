import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { joinedKey, splitKey } from '#matrix/joined-key.ts';

test('a joined key stands for one pair, which can be had back', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (type, stateKey) => {
      assert.deepEqual(splitKey(joinedKey(type, stateKey)), [type, stateKey]);
    }),
  );
  assert.notEqual(joinedKey('a', 'bc'), joinedKey('ab', 'c'));
});
