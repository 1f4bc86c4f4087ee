/** Proves how many run at a time, in which order, and that a failure gives its place back. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Turns } from '#core/turns.ts';

test('no more run at a time than may, in the order in which they came, failures included', async () => {
  const turns = new Turns(2);
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<number>());
  const started: number[] = [];
  const results = ends.map(({ promise }, index) =>
    turns.run(() => {
      started.push(index);
      return promise;
    }),
  );
  await Promise.resolve();
  assert.deepEqual(started, [0, 1]);
  ends[1]?.reject(new Error('failed'));
  await assert.rejects(results[1] ?? Promise.resolve(), /failed/);
  ends[0]?.resolve(0);
  await results[0];
  assert.deepEqual(started, [0, 1, 2, 3]);
  for (const [index, end] of ends.entries()) end.resolve(index);
  assert.deepEqual(await Promise.all([results[2], results[3], results[4]]), [2, 3, 4]);
});
