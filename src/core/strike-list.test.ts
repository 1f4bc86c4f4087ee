import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { StrikeList } from '#core/strike-list.ts';

const number = fc.oneof(fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }));
const step = fc.record({ number, isStruck: fc.boolean() });

test('numbers are left as in a set from which what is struck out has gone', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 400 }), (steps) => {
      const list = new StrikeList();
      const struck = new Set<number>();
      const all = new Set<number>();
      for (const { number, isStruck } of steps) {
        all.add(number);
        if (!isStruck) list.add(number);
        else assert.equal(list.strike(number), !struck.has(number));
        if (isStruck) struck.add(number);
      }
      assert.deepEqual(new Set(list.left()), all.difference(struck));
      assert.equal(list.size, all.size);
    }),
  );
});

test('a list of a hundred thousand numbers in a row keeps them all', () => {
  const list = new StrikeList();
  for (let number = 1; number <= 100_000; number++) list.add(number);
  for (let number = 2; number <= 100_000; number += 2) assert.ok(list.strike(number));
  const left = [...list.left()];
  assert.equal(left.length, 50_000);
  assert.ok(left.every((one) => one % 2 === 1));
});
