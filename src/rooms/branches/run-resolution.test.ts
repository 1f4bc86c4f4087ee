import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedKey } from '#matrix/joined-key.ts';
import { partitionConflicts } from '#matrix/state-resolution/partition-conflicts.ts';
import { emptyAnswer, type Answer, type Question } from '#matrix/state-resolution/question.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import type { StateSet } from '#matrix/state-resolution/resolvable-event.ts';
import { alice, RoomGraph } from '#matrix/state-resolution/room-graph-fixture.ts';
import { runResolution } from '#rooms/branches/run-resolution.ts';

/** Two branches in which so many users have changed their names, some after a ban that only one branch knows. */
function fork(users: number): { room: RoomGraph; sets: StateSet[] } {
  const room = new RoomGraph('11');
  const left = room.start();
  const names = Array.from({ length: users }, (_, index) => `@user${index}:one.example`);
  for (const [index, name] of names.entries()) room.join(left, `$join${index}`, name);
  const right = new Map(left);
  for (const [index, name] of names.entries()) {
    const banned = { type: 'm.room.member', sender: alice, stateKey: name, content: { membership: 'ban' } };
    if (index % 5 === 0) room.add(left, `$ban${index}`, banned);
    else room.join(left, `$left${index}`, name);
    room.join(right, `$right${index}`, name);
  }
  return { room, sets: [left, right] };
}

function answering(room: RoomGraph, unconflicted: StateSet) {
  const asked = { events: 0 };
  const answer = async (question: Question): Promise<Answer> => {
    if (question.ask === 'events') {
      asked.events += question.eventIds.length;
      return { ...emptyAnswer, events: new Map(question.eventIds.map((id) => [id, room.events.get(id)])) };
    }
    if (question.ask === 'covered') return { ...emptyAnswer, covered: room.chainsOf(unconflicted.values()) };
    const entries = question.keys.flatMap((key) => {
      const id = unconflicted.get(key);
      return id === undefined ? [] : [[key, id] as const];
    });
    return { ...emptyAnswer, unconflicted: new Map(entries) };
  };
  return { answer, asked };
}

for (const users of [10, 400]) {
  test(`a conflict about ${users} members comes to the same, whether here or in a thread`, async () => {
    const { room, sets } = fork(users);
    const { unconflicted, conflict } = partitionConflicts(sets);
    const { answer } = answering(room, unconflicted);
    const { entries, considered } = await runResolution(room.version, conflict, answer);
    const { state, considered: expected } = room.resolve(...sets);
    assert.equal(considered, expected);
    for (const key of conflict.keys()) assert.equal(entries.get(key), state.get(key));
    assert.equal(entries.get(joinedKey('m.room.member', '@user0:one.example')), '$ban0');
  });
}

test('the event loop goes on while a thread resolves', async () => {
  const { room, sets } = fork(3_000);
  const { unconflicted, conflict } = partitionConflicts(sets);
  let longestMs = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    longestMs = Math.max(longestMs, performance.now() - last);
    last = performance.now();
  }, 1);
  const { answer } = answering(room, unconflicted);
  const started = performance.now();
  await runResolution(room.version, conflict, answer);
  const tookMs = performance.now() - started;
  clearInterval(watch);
  assert.ok(longestMs < tookMs / 2, `${longestMs} ms of ${tookMs} ms at a stretch`);
});

test('what a thread cannot resolve is the same error', async () => {
  const { room, sets } = fork(400);
  const event = room.require('$left1');
  room.events.set('$left1', { ...event, authEventIds: ['$right1'], authGen: 3 });
  const { unconflicted, conflict } = partitionConflicts(sets);
  const { answer } = answering(room, unconflicted);
  await assert.rejects(runResolution(room.version, conflict, answer), (error: unknown) => {
    return error instanceof ResolutionError && error.reason === 'inconsistent-auth-graph';
  });
  const refusing = (): Promise<Answer> => Promise.reject(new Error('the database is away'));
  await assert.rejects(runResolution(room.version, conflict, refusing), /the database is away/);
});
