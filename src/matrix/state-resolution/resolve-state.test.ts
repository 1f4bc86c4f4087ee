import assert from 'node:assert/strict';
import { test } from 'node:test';
import { joinedKey } from '#matrix/joined-key.ts';
import { at, alice, bob, carol, RoomGraph } from '#matrix/state-resolution/room-graph-fixture.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import type { StateSet } from '#matrix/state-resolution/resolvable-event.ts';

const versions = ['2', '6', '11', '12'];
const topic = (sender: string, ts: number) => ({
  type: 'm.room.topic',
  sender,
  ts,
  content: { topic: `of ${sender}` },
});

for (const version of versions) {
  test(`version ${version}: states that agree need no events and come back as they are`, () => {
    const room = new RoomGraph(version);
    const branch = room.start();
    const { state, considered, asked } = room.resolve(branch, new Map(branch));
    assert.deepEqual(state, branch);
    assert.deepEqual([considered, asked], [0, []]);
  });

  test(`version ${version}: of two topics under the same power levels the later one stays`, () => {
    const room = new RoomGraph(version);
    const left = room.start();
    const right = new Map(left);
    room.add(left, '$left', topic(alice, 2000));
    room.add(right, '$right', topic(bob, 1000));
    const { state, considered } = room.resolve(left, right);
    assert.equal(at(state, 'm.room.topic'), '$left');
    assert.equal(considered, 2);
  });

  test(`version ${version}: a ban on one branch undoes what the banned user did on the other`, () => {
    const room = new RoomGraph(version);
    const left = room.start();
    const right = new Map(left);
    const banned = { membership: 'ban' };
    room.add(left, '$ban', { type: 'm.room.member', sender: alice, stateKey: bob, content: banned, ts: 1000 });
    room.add(right, '$topic', topic(bob, 5000));
    room.join(right, '$bob-again', bob, { ts: 6000 });
    const { state } = room.resolve(left, right);
    assert.equal(at(state, 'm.room.member', bob), '$ban');
    assert.equal(at(state, 'm.room.topic'), undefined);
  });

  test(`version ${version}: who loses power on one branch cannot keep the rules changed on the other`, () => {
    const room = new RoomGraph(version);
    const left = room.start();
    const right = new Map(left);
    const users = room.version.privilegedCreators ? {} : { [alice]: 100 };
    room.add(left, '$demotion', { type: 'm.room.power_levels', sender: alice, content: { users }, ts: 9000 });
    const content = { join_rule: 'invite' };
    room.add(right, '$closed', { type: 'm.room.join_rules', sender: bob, content, ts: 1000 });
    const { state } = room.resolve(left, right);
    assert.equal(at(state, 'm.room.power_levels'), '$demotion');
    // Alice's greater power puts her event first although it is later, and then Bob may no longer change the rules.
    assert.equal(at(state, 'm.room.join_rules'), '$rules');
  });

  test(`version ${version}: the result does not depend on the order of the states, nor of their entries`, () => {
    const room = new RoomGraph(version);
    const branches = Array.from({ length: 5 }, () => room.start());
    for (const [index, branch] of branches.entries()) {
      room.join(branch, `$carol-${index}`, carol, { ts: 1000 });
      if (index % 2 === 0) room.add(branch, `$topic-${index}`, topic(bob, 1000));
      const users = { ...(room.version.privilegedCreators ? {} : { [alice]: 100 }), [bob]: 50, [carol]: index };
      room.add(branch, `$power-${index}`, { type: 'm.room.power_levels', sender: alice, content: { users }, ts: 1000 });
    }
    const { state } = room.resolve(...branches);
    const sorted = (set: StateSet): unknown => new Map([...set].toSorted(([left], [right]) => (left < right ? -1 : 1)));
    for (let turn = 0; turn < 5; turn++) {
      const turned = [...branches.slice(turn), ...branches.slice(0, turn)].map((set) => new Map([...set].toReversed()));
      assert.deepEqual(sorted(room.resolve(...turned).state), sorted(state));
    }
    assert.equal(at(state, 'm.room.member', carol), '$carol-4');
  });
}

test('an event is asked for once', () => {
  const room = new RoomGraph('11');
  const left = room.start();
  const right = new Map(left);
  room.join(right, '$carol', carol);
  room.add(right, '$carol-banned', {
    type: 'm.room.member',
    sender: bob,
    stateKey: carol,
    content: { membership: 'ban' },
  });
  room.add(left, '$topic', topic(bob, 1));
  const { asked } = room.resolve(left, right);
  const ids = asked.flat();
  assert.equal(new Set(ids).size, ids.length);
});

test('an event that nobody has ends the resolution before anything is judged', () => {
  for (const version of ['1', ...versions]) {
    for (const missing of ['$right', '$cited', '$power']) {
      const room = new RoomGraph(version);
      const left = room.start();
      const right = new Map(left);
      room.add(left, '$left', topic(alice, 1));
      const cited = room.add(new Map(left), '$cited', { type: 'other', sender: alice });
      room.add(right, '$right', { ...topic(alice, 2), authEventIds: ['$create', '$power', '$alice', cited] });
      assert.equal(at(room.resolve(left, right).state, 'm.room.topic'), '$right');
      room.events.delete(missing);
      assert.throws(
        () => room.resolve(left, right),
        (error) =>
          error instanceof ResolutionError && error.reason === 'missing-event' && error.message.includes(missing),
      );
    }
  }
});

test("what the state lacks is taken from an event's own auth events, unless they were rejected", () => {
  for (const rejected of [false, true]) {
    const room = new RoomGraph('11');
    const left = room.start();
    room.join(left, '$carol', carol, { rejected });
    const right = new Map(left);
    const greeting = { type: 'greeting', sender: carol, authEventIds: ['$create', '$carol'] };
    room.add(left, '$hello', greeting);
    room.add(right, '$hi', greeting);
    const open = { type: 'm.room.power_levels', sender: alice, content: { state_default: 0 } };
    for (const branch of [left, right]) branch.delete(joinedKey('m.room.member', carol));
    const levels = room.add(left, '$open', { ...open, authEventIds: ['$create', '$alice'] });
    right.set(joinedKey('m.room.power_levels', ''), levels);
    // Her membership is in both auth chains and in neither state, so that nothing else brings it back.
    assert.equal(at(room.resolve(left, right).state, 'greeting'), rejected ? undefined : '$hi');
  }
});

test('a rejected event takes part like any other', () => {
  const room = new RoomGraph('11');
  const left = room.start();
  const right = new Map(left);
  room.join(left, '$carol', carol, { rejected: true });
  assert.equal(at(room.resolve(left, right).state, 'm.room.member', carol), '$carol');
});

test('auth events in a circle end with an error, and long chains without an overflow', () => {
  for (const version of versions) {
    const room = new RoomGraph(version);
    const left = room.start();
    const right = new Map(left);
    room.add(left, '$a', { ...topic(alice, 1), authEventIds: ['$create', '$b'] });
    room.add(right, '$b', { ...topic(alice, 2), authEventIds: ['$create', '$a'] });
    assert.throws(
      () => room.resolve(left, right),
      (error) => error instanceof ResolutionError && error.reason === 'inconsistent-auth-graph',
    );
  }
  const room = new RoomGraph('12');
  const left = room.start();
  const right = new Map(left);
  for (let count = 0; count < 20_000; count++) {
    const authEventIds = count === 0 ? ['$alice', '$power'] : [`$long-${count - 1}`, '$power'];
    room.join(left, `$long-${count}`, alice, { authEventIds });
  }
  // The power levels are in it too: they stand between the chain and the membership that it started from.
  assert.equal(room.resolve(left, right).considered, 20_002);
});

test('more states than the limit are refused', () => {
  const room = new RoomGraph('11');
  const branch = room.start();
  const sets = Array.from({ length: 257 }, () => new Map(branch));
  assert.throws(() => room.resolve(...sets), /More than 256 states/);
});
