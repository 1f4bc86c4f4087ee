import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { findAuthDifference } from '#matrix/state-resolution/auth-difference.ts';
import { findConflictedSubgraph } from '#matrix/state-resolution/conflicted-subgraph.ts';
import { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { sortByMainline } from '#matrix/state-resolution/mainline-ordering.ts';
import { partitionConflicts } from '#matrix/state-resolution/partition-conflicts.ts';
import { selectPowerEvents, sortByPower } from '#matrix/state-resolution/power-ordering.ts';
import { alice, bob, carol, RoomGraph } from '#matrix/state-resolution/room-graph-fixture.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolvable-event.ts';

const ids = (events: Iterable<ResolvableEvent>): string[] => [...events].map(({ eventId }) => eventId);
const sortedIds = (events: Iterable<ResolvableEvent>): string[] => ids(events).toSorted((a, b) => (a < b ? -1 : 1));

/** Any graph of 30 events of ten keys, each citing up to three earlier ones, and three states over them. */
const anyGraph = fc.record({
  cited: fc.array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 30, maxLength: 30 }),
  states: fc.array(fc.array(fc.option(fc.nat(2)), { minLength: 10, maxLength: 10 }), { minLength: 2, maxLength: 3 }),
});

type Drawn = { room: RoomGraph; sets: StateSet[] };

function draw({ cited, states }: { cited: number[][]; states: (number | null)[][] }): Drawn {
  const room = new RoomGraph('12');
  for (const [index, parents] of cited.entries()) {
    const authEventIds = index === 0 ? [] : [...new Set(parents.map((parent) => `$${parent % index}`))];
    room.add(new Map(), `$${index}`, { type: 'any', sender: alice, stateKey: String(index % 10), authEventIds });
  }
  const sets = states.map((chosen) => {
    const entries = chosen.flatMap((nth, key) =>
      nth === null ? [] : [[`3:any${key}`, `$${nth * 10 + key}`] as const],
    );
    return new Map(entries);
  });
  return { room, sets };
}

function conflictedIn(room: RoomGraph, sets: StateSet[]): Map<string, ResolvableEvent> {
  const { conflict } = partitionConflicts(sets);
  const found = [...conflict.values()].flat().filter((id) => id !== undefined);
  return new Map(found.map((id) => [id, room.require(id)]));
}

test('the auth difference is the union of the chains without their intersection', () => {
  fc.assert(
    fc.property(anyGraph, (drawn) => {
      const { room, sets } = draw(drawn);
      const { conflict, unconflicted } = partitionConflicts(sets);
      const conflicted = conflictedIn(room, sets);
      const found = room.answer(findAuthDifference(new EventPool(room.version), conflict, conflicted), unconflicted);
      const chains = sets.map((set) => room.chainsOf(set.values()));
      const union = chains.reduce((all, chain) => all.union(chain), new Set<string>());
      const common = chains.reduce((all, chain) => all.intersection(chain), union);
      const expected = union.difference(common).difference(conflicted);
      assert.deepEqual(sortedIds(found), [...expected].toSorted());
    }),
  );
});

test('the conflicted subgraph is what can reach a conflicted event and be reached from one', () => {
  fc.assert(
    fc.property(anyGraph, (drawn) => {
      const { room, sets } = draw(drawn);
      const conflicted = conflictedIn(room, sets);
      const found = room.answer(findConflictedSubgraph(new EventPool(room.version), conflicted));
      const reached = room.chainsOf(conflicted.keys());
      const expected = [...reached].filter((id) => !room.chainsOf([id]).isDisjointFrom(conflicted));
      assert.deepEqual(sortedIds(found), expected.toSorted());
    }),
  );
});

test('power events come cited first, then by power, time and id', () => {
  const room = new RoomGraph('11');
  const left = room.start();
  const ban = (sender: string, target: string, ts: number) => ({
    type: 'm.room.member',
    sender,
    stateKey: target,
    content: { membership: 'ban' },
    ts,
  });
  room.add(new Map(left), '$late-by-alice', ban(alice, carol, 900));
  room.add(new Map(left), '$early-by-bob', ban(bob, '@d:x', 100));
  room.add(new Map(left), '$a-by-bob', ban(bob, '@e:x', 200));
  room.add(new Map(left), '$b-by-bob', ban(bob, '@f:x', 200));
  room.add(left, '$power-2', { type: 'm.room.power_levels', sender: alice, content: { users: { [bob]: 50 } }, ts: 50 });
  room.add(left, '$cites-power-2', ban(alice, '@g:x', 1));
  const events = [...room.events.values()].slice(5).toReversed();
  const sorted = room.answer(sortByPower(new EventPool(room.version), events, undefined));
  assert.deepEqual(ids(sorted), [
    '$power-2',
    '$late-by-alice',
    '$early-by-bob',
    '$a-by-bob',
    '$b-by-bob',
    '$cites-power-2',
  ]);
});

test('creators of version 12 stand above every level, and need no citation of the create event', () => {
  const room = new RoomGraph('12');
  const branch = room.start();
  const rules = (sender: string, ts: number) => ({ type: 'm.room.join_rules', sender, content: {}, ts });
  room.add(new Map(branch), '$bob-early', rules(bob, 1));
  room.add(new Map(branch), '$alice-late', rules(alice, 2));
  const events = ['$bob-early', '$alice-late'].map((id) => room.require(id));
  const sorted = room.answer(sortByPower(new EventPool(room.version), events, room.require('$create')));
  assert.deepEqual(ids(sorted), ['$alice-late', '$bob-early']);
});

test('events that power events build on are judged with them, also through events outside the set', () => {
  const room = new RoomGraph('11');
  const branch = room.start();
  room.join(branch, '$carol', carol);
  room.add(branch, '$invite', {
    type: 'm.room.member',
    sender: carol,
    stateKey: '@d:x',
    content: { membership: 'invite' },
  });
  room.join(branch, '$d', '@d:x');
  const kick = { membership: 'leave' };
  room.add(branch, '$kick', { type: 'm.room.member', sender: '@d:x', stateKey: bob, content: kick });
  room.add(branch, '$topic', { type: 'm.room.topic', sender: alice });
  room.join(branch, '$own-leave', '@d:x', { content: kick });
  const full = new Map(['$carol', '$kick', '$topic', '$own-leave'].map((id) => [id, room.require(id)]));
  const selected = room.answer(selectPowerEvents(new EventPool(room.version), full));
  assert.deepEqual(sortedIds(selected), ['$carol', '$kick']);
});

test('the mainline puts what was sent under older power levels first, and what cites none before all', () => {
  const room = new RoomGraph('11');
  const branch = room.start();
  const topic = { type: 'm.room.topic', sender: alice };
  const events: string[] = [];
  const add = (id: string, more: { ts: number; authEventIds?: string[] }): void => {
    events.push(room.add(new Map(branch), id, { ...topic, ...more }));
  };
  add('$under-first', { ts: 900 });
  const fork = new Map(branch);
  room.add(fork, '$other-levels', { type: 'm.room.power_levels', sender: alice });
  events.push(room.add(fork, '$under-fork', { ...topic, ts: 100 }));
  room.add(branch, '$power-2', { type: 'm.room.power_levels', sender: alice });
  add('$under-second', { ts: 1 });
  add('$b-under-second', { ts: 2 });
  add('$a-under-second', { ts: 2 });
  add('$under-none', { ts: 5000, authEventIds: ['$create'] });
  const wanted = events.map((id) => room.require(id));
  const sorted = room.answer(sortByMainline(new EventPool(room.version), wanted, room.require('$power-2')));
  // The fork's levels are not on the mainline, but the first levels below them are.
  assert.deepEqual(ids(sorted), [
    '$under-none',
    '$under-fork',
    '$under-first',
    '$under-second',
    '$a-under-second',
    '$b-under-second',
  ]);
  const withoutLevels = room.answer(sortByMainline(new EventPool(room.version), wanted, undefined));
  assert.deepEqual(ids(withoutLevels)[0], '$under-second');
});

test('a key that one state lacks is conflicted', () => {
  const key = joinedKey('m.room.topic', '');
  const { unconflicted, conflict } = partitionConflicts([
    new Map([
      [key, '$a'],
      ['x', '$x'],
    ]),
    new Map([['x', '$x']]),
  ]);
  assert.deepEqual([...unconflicted], [['x', '$x']]);
  assert.deepEqual([...conflict], [[key, ['$a', undefined]]]);
});
