/** Owns the tests of batching. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createBatcher } from '#core/batcher.ts';
import { Quota } from '#core/quota.ts';

test('what is added together runs together, what comes meanwhile runs next, and nothing waits beyond the limit', async () => {
  const batches: (readonly number[])[] = [];
  const { promise: gate, resolve: open } = Promise.withResolvers<void>();
  const batcher = createBatcher<number>({
    batchMax: 3,
    waiting: new Quota('items', 4),
    run: async (items) => {
      batches.push(items);
      await gate;
    },
  });
  assert.deepEqual(
    [1, 2].map((item) => batcher.add(item)),
    [true, true],
  );
  await Promise.resolve();
  assert.deepEqual(
    [3, 4, 5, 6, 7].map((item) => batcher.add(item)),
    [true, true, true, true, false],
  );
  open();
  await batcher.settled();
  assert.deepEqual(batches, [[1, 2], [3, 4, 5], [6]]);
  assert.ok(batcher.add(8));
  await batcher.settled();
  assert.deepEqual(batches.at(-1), [8]);
});
