/** Checks that random rooms are what state resolution should be tried on, and the oracle on them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { Chance } from '#test/support/chance.ts';
import { conflictedStateSet, fullConflictedSet } from '#test/vectors/state-resolution/definitions.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import { randomRoom } from '#test/vectors/state-resolution/random-room.ts';
import { showState } from '#test/vectors/state-resolution/scenarios.ts';

const roomCount = 300;

function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  assert.ok(version, `version ${id}`);
  return version;
}

void test('the same seed makes the same room', () => {
  const version = requireVersion('12');
  const flat = (seed: number) => {
    const { events, sets } = randomRoom(version, seed);
    return JSON.stringify([[...events.values()], sets.map(showState)]);
  };
  assert.equal(flat(7), flat(7));
  assert.notEqual(flat(7), flat(8));
});

void test('random rooms reach what is hard about state resolution', () => {
  const reached = { conflict: 0, denied: 0, rejectedInConflict: 0, beyondTheStates: 0, subgraph: 0, emptyStart: 0 };
  for (let seed = 0; seed < roomCount; seed += 1) {
    const version = requireVersion('12');
    const { events, sets } = randomRoom(version, seed);
    const conflicted = conflictedStateSet(sets, events);
    const full = fullConflictedSet(sets, events, false);
    const resolved = resolveByTheText(version, sets, events);
    const keys = new Set(sets.flatMap((set) => [...set.keys()]));
    reached.conflict += Number(conflicted.size > 0);
    reached.denied += Number(keys.size > resolved.size);
    reached.rejectedInConflict += Number([...full].some((id) => events.get(id)?.rejected));
    reached.beyondTheStates += Number(full.size > conflicted.size);
    reached.subgraph += Number(fullConflictedSet(sets, events, true).size > full.size);
    const fromUnconflicted = resolveByTheText({ ...version, stateResolution: 'v2' }, sets, events);
    reached.emptyStart += Number(showState(fromUnconflicted).join() !== showState(resolved).join());
  }
  console.log(`of ${roomCount} rooms of version 12`, reached);
  for (const [what, count] of Object.entries(reached)) assert.ok(count >= roomCount / 30, `${what}: ${count} rooms`);
});

void test('the oracle gives the same state whatever the order of states, keys and events', () => {
  for (const id of ['1', '2', '9', '11', '12']) {
    const version = requireVersion(id);
    for (let seed = 0; seed < roomCount; seed += 1) {
      const { events, sets } = randomRoom(version, seed);
      const chance = new Chance(seededNumbers(seed + 1));
      const shuffledSets = chance.shuffle(sets).map((set) => new Map(chance.shuffle([...set])));
      const shuffled = resolveByTheText(version, shuffledSets, new Map(chance.shuffle([...events])));
      assert.deepEqual(showState(shuffled), showState(resolveByTheText(version, sets, events)), `${id}, seed ${seed}`);
    }
  }
});

void test('one state, and the result beside its parts, resolve to what they are', () => {
  for (let seed = 0; seed < roomCount; seed += 1) {
    const version = requireVersion('10');
    const { events, sets } = randomRoom(version, seed);
    const [first = new Map<string, string>()] = sets;
    assert.deepEqual(showState(resolveByTheText(version, [first], events)), showState(first));
    assert.deepEqual(showState(resolveByTheText(version, [first, first], events)), showState(first));
  }
});
