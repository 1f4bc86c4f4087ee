/** Checks `src/matrix/state-resolution` against the oracle: all scenarios, and random rooms of every algorithm. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedKey } from '#matrix/joined-key.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import { resolveState } from '#matrix/state-resolution/resolve-state.ts';
import { seededNumbers } from '#test/support/seeded.ts';
import { Chance } from '#test/support/chance.ts';
import { resolveByTheText } from '#test/vectors/state-resolution/oracle.ts';
import { randomRoom } from '#test/vectors/state-resolution/random-room.ts';
import { keyOf, type Events, type StateSet } from '#test/vectors/state-resolution/resolvable.ts';
import { readScenarios, showState } from '#test/vectors/state-resolution/scenarios.ts';

const durationMaxMs = 50;

function requireVersion(id: string): RoomVersion {
  const version = findRoomVersion(id);
  assert.ok(version, `version ${id}`);
  return version;
}

/** The oracle's keys are JSON texts; those of the product are made by `joinedKey`. */
function ourKeyOf(key: string): string {
  const [type, stateKey]: readonly unknown[] = JSON.parse(key);
  assert.ok(typeof type === 'string' && typeof stateKey === 'string');
  return joinedKey(type, stateKey);
}

function resolve(version: RoomVersion, sets: readonly StateSet[], events: Events): StateSet {
  const ours = sets.map((set): StateSet => new Map([...set].map(([key, id]) => [ourKeyOf(key), id])));
  const resolving = resolveState(version, ours);
  let step = resolving.next();
  while (step.done !== true) step = resolving.next(new Map(step.value.map((id) => [id, events.get(id)])));
  const theirKeys = new Map(sets.flatMap((set) => [...set.keys()]).map((key) => [ourKeyOf(key), key]));
  for (const event of events.values()) theirKeys.set(joinedKey(event.type, event.stateKey), keyOf(event));
  return new Map([...step.value.state].map(([key, id]) => [theirKeys.get(key) ?? key, id]));
}

void test('every scenario resolves to the state that the text gives, or to an error where one is as good', () => {
  const differences: string[] = [];
  for (const { name, versions, events, sets, expect, mayThrow } of readScenarios()) {
    for (const id of versions) {
      const started = performance.now();
      let found: StateSet | undefined;
      try {
        found = resolve(requireVersion(id), sets, events);
      } catch (error) {
        if (!(mayThrow && error instanceof ResolutionError)) throw error;
      }
      const tookMs = performance.now() - started;
      if (mayThrow) assert.ok(tookMs <= durationMaxMs, `${name} in ${id} took ${tookMs} ms`);
      if (found === undefined || expect === null) continue;
      if (showState(found).join() !== showState(expect).join()) {
        differences.push(`${name} in ${id}: found ${showState(found).join(', ')}`);
      }
    }
  }
  assert.deepEqual(differences, []);
});

for (const id of ['1', '2', '9', '11', '12']) {
  void test(`random rooms of version ${id} resolve as the oracle says, whatever the order of states and keys`, () => {
    const version = requireVersion(id);
    for (let seed = 0; seed < 1000; seed++) {
      const { events, sets } = randomRoom(version, seed);
      const expected = showState(resolveByTheText(version, sets, events));
      assert.deepEqual(showState(resolve(version, sets, events)), expected, `seed ${seed}`);
      const chance = new Chance(seededNumbers(seed));
      const shuffled = chance.shuffle(sets).map((set) => new Map(chance.shuffle([...set])));
      assert.deepEqual(showState(resolve(version, shuffled, events)), expected, `seed ${seed}, in another order`);
    }
  });
}
