import assert from 'node:assert/strict';
import { hash } from 'node:crypto';
import { test } from 'node:test';
import { at, alice, bob, carol, RoomGraph } from '#matrix/state-resolution/room-graph-fixture.ts';

const topic = (sender: string, depth: number) => ({
  type: 'm.room.topic',
  sender,
  depth,
  content: { topic: `${depth}` },
});

test('the deepest topic that the resolved state allows stays', () => {
  const room = new RoomGraph('1');
  const left = room.start();
  const right = new Map(left);
  room.add(left, '$left', topic(alice, 20));
  room.add(right, '$right', topic(bob, 21));
  assert.equal(at(room.resolve(left, right).state, 'm.room.topic'), '$right');
  room.add(right, '$stranger', topic(carol, 99));
  assert.equal(at(room.resolve(left, right).state, 'm.room.topic'), '$left');
});

test('among topics of one depth the lowest SHA-1 of the event id stays', () => {
  const room = new RoomGraph('1');
  const base = room.start();
  const ids = ['$a', '$b', '$c', '$d'];
  const branches = ids.map((id) => {
    const branch = new Map(base);
    room.add(branch, id, topic(alice, 20));
    return branch;
  });
  const lowest = ids.toSorted((left, right) => (hash('sha1', left) < hash('sha1', right) ? -1 : 1))[0];
  assert.equal(at(room.resolve(...branches).state, 'm.room.topic'), lowest);
});

test('what only one state has is no conflict', () => {
  const room = new RoomGraph('1');
  const left = room.start();
  const right = new Map(left);
  room.add(left, '$topic', topic(carol, 5));
  const { state, considered } = room.resolve(left, right);
  assert.equal(at(state, 'm.room.topic'), '$topic');
  assert.equal(considered, 0);
});

test('power levels follow each other as long as each permits the next', () => {
  const room = new RoomGraph('1');
  const left = room.start();
  const right = new Map(left);
  const levels = (sender: string, depth: number, users: Record<string, number>) => ({
    type: 'm.room.power_levels',
    sender,
    depth,
    content: { users },
  });
  room.add(left, '$less', levels(alice, 10, { [alice]: 100 }));
  room.add(right, '$more', levels(bob, 11, { [alice]: 100, [bob]: 50, [carol]: 50 }));
  // After the first, Bob has no power to set the second.
  assert.equal(at(room.resolve(left, right).state, 'm.room.power_levels'), '$less');
  // The first takes part of Alice's power over Bob, so that the second fails, and nothing after it is looked at.
  const third = new Map(right);
  room.add(third, '$first', levels(alice, 9, { [alice]: 100, [bob]: 100 }));
  assert.equal(at(room.resolve(left, right, third).state, 'm.room.power_levels'), '$first');
});
