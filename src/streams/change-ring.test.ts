/** Owns the tests of the ring of changes. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { keysOf, type Change } from '#streams/change.ts';
import { ChangeRing } from '#streams/change-ring.ts';

const numbers = fc.integer({ min: 1, max: 4 });
const change = fc.record({
  kind: fc.constantFrom('accountData', 'receipts', 'privateReceipts', 'typing', 'deviceLists', 'presence'),
  userNid: numbers,
  roomNid: numbers,
  deviceNid: fc.constant(0),
  audience: fc.uniqueArray(numbers, { maxLength: 3 }),
});

describe('the ring of changes', () => {
  it('says the same as a list that is searched through, as far back as it reaches, within its bounds', () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), change), { maxLength: 200 });
    const bounds = fc.record({
      changesMax: fc.integer({ min: 1, max: 100 }),
      keysMax: fc.integer({ min: 5, max: 150 }),
    });
    fc.assert(
      fc.property(steps, bounds, fc.nat(400), (made, limits, after) => {
        const ring = new ChangeRing(7, limits);
        let pos = 7;
        const all: Change[] = made.map(([gap, each]) => ({ ...each, pos: (pos += gap) }));
        for (const each of all) ring.append([each], each.pos);
        assert.equal(ring.horizon, pos);
        assert.ok(ring.count <= limits.changesMax);
        if (!ring.reachesBackTo(after)) return;
        const since = all.filter((each) => each.pos > after);
        assert.deepEqual(ring.since(after), since);
        for (const kind of ['accountData', 'receipts', 'presence'] as const) {
          for (const key of [1, 2, 3, 4, 5]) {
            const isThere = since.some((each) => each.kind === kind && keysOf(each).includes(key));
            assert.equal(ring.hasSince(kind, key, after), isThere);
          }
        }
      }),
    );
  });

  it('knows nothing of before when too much has passed unseen', () => {
    const ring = new ChangeRing(0, { changesMax: 10, keysMax: 10 });
    ring.append([{ pos: 1, kind: 'typing', userNid: 1, roomNid: 2, deviceNid: 0, audience: [] }], 3);
    assert.ok(ring.hasSince('typing', 2, 0));
    ring.reset(9_000);
    assert.deepEqual(
      [ring.horizon, ring.count, ring.reachesBackTo(8_999), ring.reachesBackTo(9_000)],
      [9_000, 0, false, true],
    );
  });
});
