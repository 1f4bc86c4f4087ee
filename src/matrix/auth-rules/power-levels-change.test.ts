/** Owns the proof of the rules about the form and the changes of power levels. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '#matrix/pdu.ts';
import { alice, bob, carol, creator, describeRoom } from '#matrix/auth-rules/room-fixture.ts';

/** Alice has level 50 and changes the levels of a room in which she may. */
function change(version: string, current: JsonObject | undefined, next: JsonObject): string {
  const levels = current && { events: { 'm.room.power_levels': 0 }, ...current };
  const room = describeRoom({ version, ...(levels && { levels }), members: { [alice]: 'join' } });
  const sender = current === undefined ? creator : alice;
  return room.judge({ type: 'm.room.power_levels', sender, state_key: '', content: next });
}

const users = { [alice]: 50 };
const events = { 'm.room.power_levels': 0 };

test('the first power levels of a room may say anything that has the right form', () => {
  assert.equal(change('1', undefined, { users: { [alice]: 1000 }, ban: 'nonsense' }), 'allowed');
  assert.equal(change('12', undefined, { users: { [alice]: 1000 }, ban: 1000 }), 'allowed');
});

test('users must be an object of user ids and levels', () => {
  for (const [version, rule] of [
    ['1', '10.1'],
    ['6', '9.1'],
    ['10', '9.3'],
    ['12', '10.3'],
  ] as const) {
    assert.equal(change(version, undefined, { users: [] }), rule);
    assert.equal(change(version, undefined, { users: null }), rule);
    assert.equal(change(version, undefined, { users: { alice: 50 } }), rule);
    assert.equal(change(version, undefined, { users: { [alice]: 'fifty' } }), rule);
    assert.equal(change(version, undefined, { users: { [alice]: true } }), rule);
    assert.equal(change(version, undefined, JSON.parse('{"users": {"__proto__": 50}}')), rule);
    assert.equal(change(version, undefined, {}), 'allowed', 'users is optional');
  }
});

test('strings are levels until version 9, floats until version 5', () => {
  for (const [version, text, float] of [
    ['5', 'allowed', 'allowed'],
    ['6', 'allowed', '9.1'],
    ['9', 'allowed', '9.1'],
    ['10', '9.3', '9.3'],
  ] as const) {
    assert.equal(change(version, undefined, { users: { [alice]: ' +050 ' } }), text);
    assert.equal(change(version, undefined, { users: { [alice]: 50.9 } }), float);
  }
});

test('a float that is out of range is rejected wherever it stands', () => {
  for (const text of ['{"ban": 1e400}', '{"events": {"m.room.name": -1e400}}', '{"users": {"@a:b": 1e400}}']) {
    assert.equal(change('1', undefined, JSON.parse(text)), '10.1');
  }
  assert.equal(change('1', undefined, JSON.parse('{"something_else": 1e400}')), 'allowed');
});

test('from version 10 on every level is an integer', () => {
  assert.equal(change('10', undefined, { ban: '50' }), '9.1');
  assert.equal(change('10', undefined, { invite: null }), '9.1');
  assert.equal(change('10', undefined, { events: { 'm.room.name': '50' } }), '9.2');
  assert.equal(change('11', undefined, { notifications: [50] }), '9.2');
  assert.equal(change('12', undefined, { events: 50 }), '10.2');
});

test('from version 12 on creators have no entry in users', () => {
  assert.equal(change('11', undefined, { users: { [creator]: 100 } }), 'allowed');
  assert.equal(change('12', undefined, { users: { [creator]: 100 } }), '10.4');
  const room = describeRoom({ version: '12', createContent: { additional_creators: [alice] } });
  const content = { users: { [alice]: 0 } };
  assert.equal(room.judge({ type: 'm.room.power_levels', sender: creator, state_key: '', content }), '10.4');
});

test('a named level changes only at or below the sender, before and after', () => {
  assert.equal(change('11', { users, ban: 50 }, { users, events, ban: 49 }), 'allowed');
  assert.equal(change('11', { users, ban: 51 }, { users, events, ban: 50 }), '9.5.1');
  assert.equal(change('11', { users, ban: 50 }, { users, events, ban: 51 }), '9.5.2');
  assert.equal(change('11', { users, ban: 51 }, { users, events, ban: 51 }), 'allowed', 'not changed');
  assert.equal(change('11', { users, ban: 51 }, { users, events }), '9.5.1', 'removed');
  assert.equal(change('1', { users, ban: 51 }, { users, events, ban: '+51' }), 'allowed', 'the same number');
  assert.equal(change('12', { users }, { users, events, users_default: 51 }), '10.6.2');
});

test('an absent level is not compared by its default', () => {
  const weak = { [alice]: 10 };
  assert.equal(
    change('11', { users: weak }, { users: weak, events, ban: 5 }),
    'allowed',
    'the default ban level is 50',
  );
  assert.equal(change('11', { users: weak, ban: 5 }, { users: weak, events }), 'allowed');
});

test('an entry of events changes only at or below the sender, before and after', () => {
  const withTopic = (level: number): JsonObject => ({ users, events: { ...events, 'm.room.topic': level } });
  assert.equal(change('11', withTopic(51), withTopic(50)), '9.6.1');
  assert.equal(change('11', withTopic(51), { users, events }), '9.6.1');
  assert.equal(change('11', withTopic(50), withTopic(51)), '9.7.1');
  assert.equal(change('11', { users, events }, withTopic(51)), '9.7.1');
  assert.equal(change('11', withTopic(50), withTopic(0)), 'allowed');
  assert.equal(change('12', withTopic(51), withTopic(0)), '10.7.1');
});

test('from version 6 on notifications are compared like events', () => {
  const room = (level: number): JsonObject => ({ users, events, notifications: { room: level } });
  assert.equal(change('5', room(51), room(100)), 'allowed');
  assert.equal(change('6', room(51), room(0)), '9.4.1');
  assert.equal(change('6', room(50), room(51)), '9.5.1');
});

test('users at or above the sender cannot be changed, except oneself', () => {
  const withUsers = (more: JsonObject): JsonObject => ({ users: { ...users, ...more }, events });
  assert.equal(change('11', withUsers({ [bob]: 49 }), withUsers({ [bob]: 50 })), 'allowed');
  assert.equal(change('11', withUsers({ [bob]: 50 }), withUsers({ [bob]: 49 })), '9.8.1');
  assert.equal(change('11', withUsers({ [bob]: 50 }), withUsers({})), '9.8.1');
  assert.equal(change('11', withUsers({}), withUsers({ [bob]: 51 })), '9.9.1');
  assert.equal(change('11', withUsers({}), withUsers({ [alice]: 20 })), 'allowed', 'one may step down');
  assert.equal(change('11', withUsers({}), withUsers({ [alice]: 51 })), '9.9.1');
  assert.equal(change('12', withUsers({ [bob]: 50 }), withUsers({ [bob]: 49 })), '10.9.1');
  assert.equal(change('12', withUsers({}), withUsers({ [carol]: 51 })), '10.10.1');
});

test('before version 10 a changed level must be readable, and an unreadable one can be repaired', () => {
  assert.equal(change('9', { users, ban: 50 }, { users, events, ban: 'much' }), '9.3.2');
  assert.equal(change('9', { users, ban: 'much' }, { users, events, ban: 50 }), 'allowed');
  assert.equal(change('9', { users, ban: 'much' }, { users, events, ban: 'much' }), 'allowed');
});
