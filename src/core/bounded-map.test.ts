/** Proves the limit and the order of leaving of the bounded map. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BoundedMap } from '#core/bounded-map.ts';

test('the least recently used entry leaves first; reading counts as use', () => {
  const map = new BoundedMap<string, number>({ sizeMax: 2 });
  map.set('a', 1);
  map.set('b', 2);
  assert.equal(map.get('a'), 1);
  map.set('c', 3);
  assert.deepEqual([map.get('a'), map.get('b'), map.get('c')], [1, undefined, 3]);
});

test('a value that is undefined is kept apart from no value', () => {
  const map = new BoundedMap<string, undefined>({ sizeMax: 1 });
  map.set('a', undefined);
  assert.equal(map.has('a'), true);
  assert.equal(map.delete('a'), true);
  assert.equal(map.delete('a'), false);
});

test('what is too large by itself is not kept, and does not leave its older value behind', () => {
  const map = new BoundedMap<string, string>({ sizeMax: 3, sizeOf: (value) => value.length });
  map.set('a', 'xx');
  map.set('b', 'y');
  map.set('a', 'xxxx');
  assert.deepEqual([map.has('a'), map.get('b'), map.size, map.count], [false, 'y', 1, 1]);
});

test('any use keeps to the limit, and behaves like a list in order of use', () => {
  const operation = fc.record({ kind: fc.constantFrom('get', 'set', 'delete'), key: fc.nat(8), size: fc.nat(6) });
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const map = new BoundedMap<number, number>({ sizeMax: 10, sizeOf: (size) => size });
      let model: { key: number; size: number }[] = [];
      for (const { kind, key, size } of operations) {
        const known = model.find((entry) => entry.key === key);
        const others = model.filter((entry) => entry.key !== key);
        if (kind === 'get') {
          assert.equal(map.get(key), known?.size);
          if (known) model = [...others, known];
        } else if (kind === 'delete') {
          assert.equal(map.delete(key), known !== undefined);
          model = others;
        } else {
          map.set(key, size);
          model = [...others, { key, size }];
          while (model.reduce((sum, entry) => sum + entry.size, 0) > 10) model.shift();
        }
        assert.equal(
          map.size,
          model.reduce((sum, entry) => sum + entry.size, 0),
        );
        assert.equal(map.count, model.length);
      }
      map.clear();
      assert.deepEqual([map.size, map.count], [0, 0]);
    }),
  );
});
