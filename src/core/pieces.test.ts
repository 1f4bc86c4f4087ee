import assert from 'node:assert/strict';
import { test } from 'node:test';
import { piecesOf } from '#core/pieces.ts';

test('a list comes in pieces of one size, in its order, with the rest last', () => {
  assert.deepEqual([...piecesOf([], 2)], []);
  assert.deepEqual([...piecesOf([1, 2], 2)], [[1, 2]]);
  assert.deepEqual([...piecesOf(new Set([1, 2, 3, 4, 5]), 2)], [[1, 2], [3, 4], [5]]);
});
