/** Owns the proof of the rules that hold for every event, and their order. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { alice, bob, creator, describeMember, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';
import { roomVersions } from '#matrix/room-versions.ts';

const message = (sender: string): Described => ({ type: 'm.room.message', sender, content: { body: 'Hello' } });
const topic = (sender: string): Described => ({ type: 'm.room.topic', sender, state_key: '', content: {} });

test('a member may send a message in every version', () => {
  for (const version of roomVersions.keys()) {
    const room = describeRoom({ version, levels: { users: {} }, members: { [bob]: 'join' } });
    assert.equal(room.judge(message(bob)), 'allowed', `version ${version}`);
  }
});

test('without a create event in the state nothing passes', () => {
  for (const [version, rule] of [
    ['1', '2.4'],
    ['11', '2.4'],
    ['12', '2'],
  ] as const) {
    const room = describeRoom({ version });
    const verdict = checkAuth(room.build(message(creator)), room.version, () => undefined, { verify: () => false });
    assert.deepEqual(verdict, { allowed: false, rule, reason: 'This room has no create event.', isMalformed: false });
  }
});

test('a room that does not federate is closed to other servers', () => {
  for (const [version, rule] of [
    ['1', '3'],
    ['11', '3'],
    ['12', '4'],
  ] as const) {
    const members = { [alice]: 'join', [bob]: 'join' };
    const room = describeRoom({ version, members, createContent: { 'm.federate': false } });
    assert.equal(room.judge(message(alice)), 'allowed');
    assert.equal(room.judge(message(bob)), rule);
  }
  const room = describeRoom({ version: '11', members: { [bob]: 'join' }, createContent: { 'm.federate': 'false' } });
  assert.equal(room.judge(message(bob)), 'allowed', 'only the boolean closes the room');
});

test('only members send', () => {
  for (const membership of ['leave', 'ban', 'invite', 'knock']) {
    assert.equal(describeRoom({ version: '1', members: { [bob]: membership } }).judge(message(bob)), '6');
    assert.equal(describeRoom({ version: '11', members: { [bob]: membership } }).judge(message(bob)), '5');
    assert.equal(describeRoom({ version: '12', members: { [bob]: membership } }).judge(message(bob)), '6');
  }
});

test('the level of the event type is asked for', () => {
  const members = { [bob]: 'join' };
  const levels = { events: { 'm.room.topic': 10, 'm.reaction': 10 }, users: { [bob]: 9 } };
  const room = describeRoom({ version: '11', members, levels });
  assert.equal(room.judge(topic(bob)), '7');
  assert.equal(room.judge({ type: 'm.reaction', sender: bob }), '7');
  assert.equal(room.judge({ type: 'm.room.name', sender: bob, state_key: '' }), '7', 'state_default is 50');
  assert.equal(room.judge(message(bob)), 'allowed', 'events_default is 0');
  assert.equal(describeRoom({ version: '1', members, levels }).judge(topic(bob)), '8');
  assert.equal(describeRoom({ version: '12', members, levels }).judge(topic(bob)), '8');
  assert.equal(describeRoom({ version: '12', levels }).judge(topic(creator)), 'allowed');
});

test('without power levels the creator has 100, or infinity from version 12 on', () => {
  for (const version of roomVersions.keys()) {
    const room = describeRoom({ version, members: { [bob]: 'join' } });
    assert.equal(room.judge(topic(creator)), 'allowed', `version ${version}`);
    assert.notEqual(room.judge(topic(bob)), 'allowed', `version ${version}`);
  }
});

test('a type that names a property of every object has no level of its own', () => {
  const room = describeRoom({ version: '11', members: { [bob]: 'join' }, levels: { events: {}, users: {} } });
  for (const type of ['__proto__', 'constructor', 'toString']) {
    assert.equal(room.judge({ type, sender: bob }), 'allowed');
    assert.equal(room.judge({ type, sender: bob, state_key: '' }), '7');
  }
});

test('a denial tells what is missing', () => {
  const members = { [alice]: 'join', [bob]: 'ban' };
  const room = describeRoom({ version: '12', members });
  const reason = (described: Described): string => {
    const verdict = checkAuth(room.build(described), room.version, room.state, { verify: () => false });
    return verdict.allowed ? 'allowed' : verdict.reason;
  };
  assert.equal(reason(topic(alice)), `${alice} has power level 0; sending m.room.topic takes 50.`);
  assert.equal(reason(describeMember(alice, bob, 'invite')), `${bob} is banned from this room.`);
  assert.equal(reason(describeMember(alice, creator, 'invite')), `${creator} is already in this room.`);
  assert.equal(
    reason(describeMember(alice, creator, 'ban')),
    `${alice} has power level 0; banning ${creator} takes 50, and more than the level of ${creator}, which is infinite.`,
  );
});

test('state under a user id belongs to that user', () => {
  const levels = { state_default: 0 };
  const widget = (stateKey: string): Described => ({ type: 'im.widget', sender: bob, state_key: stateKey });
  for (const [version, rule] of [
    ['5', '9'],
    ['6', '8'],
    ['12', '9'],
  ] as const) {
    const room = describeRoom({ version, levels, members: { [bob]: 'join' } });
    assert.equal(room.judge(widget(alice)), rule);
    assert.equal(room.judge(widget('@')), rule);
    assert.equal(room.judge(widget(bob)), 'allowed');
    assert.equal(room.judge(widget(`_${alice}`)), 'allowed');
  }
});
