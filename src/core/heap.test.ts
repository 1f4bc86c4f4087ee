import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Heap } from '#core/heap.ts';

function drain(heap: Heap<number>): number[] {
  const taken: number[] = [];
  for (let item = heap.take(); item !== undefined; item = heap.take()) taken.push(item);
  return taken;
}

test('a heap gives back what was put in, in order', () => {
  fc.assert(
    fc.property(fc.array(fc.integer()), (numbers) => {
      const heap = new Heap<number>((left, right) => left < right);
      for (const number of numbers) heap.push(number);
      assert.equal(heap.size, numbers.length);
      assert.deepEqual(
        drain(heap),
        numbers.toSorted((left, right) => left - right),
      );
      assert.equal(heap.size, 0);
    }),
  );
});

test('taking and pushing may alternate', () => {
  const heap = new Heap<number>((left, right) => left < right);
  heap.push(3);
  heap.push(1);
  assert.equal(heap.take(), 1);
  heap.push(2);
  heap.push(0);
  assert.deepEqual(drain(heap), [0, 2, 3]);
  assert.equal(heap.take(), undefined);
});
