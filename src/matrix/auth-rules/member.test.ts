/** Owns the proof of the rules about bans, leaving, kicks and knocks. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alice, bob, creator, describeMember, describeRoom, type Described } from '#matrix/auth-rules/room-fixture.ts';

const memberEvent = (sender: string, more: Partial<Described>): Described => ({
  type: 'm.room.member',
  sender,
  ...more,
});

test('a membership event has a state key and a membership', () => {
  for (const [version, rule] of [
    ['1', '5.1'],
    ['11', '4.1'],
    ['12', '5.1'],
  ] as const) {
    const room = describeRoom({ version, joinRule: 'public' });
    assert.equal(room.judge(memberEvent(bob, { content: { membership: 'join' } })), rule);
    assert.equal(room.judge(memberEvent(bob, { state_key: bob })), rule);
  }
});

test('an unknown membership is rejected', () => {
  assert.equal(describeRoom({ version: '1' }).judge(describeMember(bob, bob, 'knock')), '5.6');
  assert.equal(describeRoom({ version: '6' }).judge(describeMember(bob, bob, 'knock')), '4.6');
  assert.equal(describeRoom({ version: '7' }).judge(describeMember(bob, bob, 'lurk')), '4.7');
  const room = describeRoom({ version: '12', joinRule: 'public' });
  assert.equal(room.judge(memberEvent(bob, { state_key: bob, content: { membership: null } })), '5.8');
});

test('banning takes membership, the ban level and more power than the target has', () => {
  const levels = { ban: 60, users: { [creator]: 100, [alice]: 60, [bob]: 50 } };
  const members = { [alice]: 'join', [bob]: 'join' };
  const room = describeRoom({ version: '11', levels, members });
  assert.equal(room.judge(describeMember(alice, bob, 'ban')), 'allowed');
  assert.equal(room.judge(describeMember(alice, '@stranger:two.example', 'ban')), 'allowed');
  assert.equal(room.judge(describeMember(bob, '@stranger:two.example', 'ban')), '4.6.3', 'below the ban level');
  assert.equal(room.judge(describeMember(alice, creator, 'ban')), '4.6.3', 'below the target');
  assert.equal(room.judge(describeMember(alice, alice, 'ban')), '4.6.3', 'nobody is above oneself');
  const left = describeRoom({ version: '1', levels, members: { ...members, [alice]: 'leave' } });
  assert.equal(left.judge(describeMember(alice, bob, 'ban')), '5.5.1');
});

test('creators of version 12 cannot ban each other', () => {
  const createContent = { additional_creators: [alice] };
  const room = describeRoom({ version: '12', createContent, members: { [alice]: 'join', [bob]: 'join' } });
  assert.equal(room.judge(describeMember(alice, creator, 'ban')), '5.6.3');
  assert.equal(room.judge(describeMember(creator, alice, 'leave')), '5.5.5');
  assert.equal(room.judge(describeMember(alice, bob, 'ban')), 'allowed');
});

test('leaving takes an invite, a membership or, from version 7 on, a knock', () => {
  const leave = (version: string, membership: string): string =>
    describeRoom({ version, members: { [bob]: membership } }).judge(describeMember(bob, bob, 'leave'));
  assert.equal(leave('1', 'join'), 'allowed');
  assert.equal(leave('1', 'invite'), 'allowed');
  assert.equal(leave('6', 'knock'), '4.4.1');
  assert.equal(leave('7', 'knock'), 'allowed');
  assert.equal(leave('11', 'ban'), '4.5.1');
  assert.equal(leave('12', 'leave'), '5.5.1');
  assert.equal(describeRoom({ version: '12' }).judge(describeMember(bob, bob, 'leave')), '5.5.1');
});

test('kicking takes the kick level and more power than the target has', () => {
  const levels = { kick: 30, users: { [creator]: 100, [alice]: 30 } };
  const members = { [alice]: 'join', [bob]: 'join' };
  const room = describeRoom({ version: '11', levels, members });
  assert.equal(room.judge(describeMember(alice, bob, 'leave')), 'allowed');
  assert.equal(room.judge(describeMember(bob, alice, 'leave')), '4.5.5');
  assert.equal(room.judge(describeMember(alice, creator, 'leave')), '4.5.5');
  assert.equal(room.judge(describeMember('@stranger:two.example', bob, 'leave')), '4.5.2');
});

test('lifting a ban takes the ban level and the kick level', () => {
  const unban = (kick: number, ban: number): string =>
    describeRoom({
      version: '11',
      levels: { kick, ban, users: { [alice]: 50 } },
      members: { [alice]: 'join', [bob]: 'ban' },
    }).judge(describeMember(alice, bob, 'leave'));
  assert.equal(unban(50, 50), 'allowed');
  assert.equal(unban(50, 51), '4.5.3');
  assert.equal(unban(51, 50), '4.5.5');
});

test('knocking takes the right join rule, and nobody knocks for another', () => {
  const knock = (version: string, joinRule: string, membership?: string): string =>
    describeRoom({
      version,
      joinRule,
      ...(membership === undefined ? {} : { members: { [bob]: membership } }),
    }).judge(describeMember(bob, bob, 'knock'));
  assert.equal(knock('7', 'knock'), 'allowed');
  assert.equal(knock('7', 'knock', 'leave'), 'allowed');
  assert.equal(knock('7', 'knock', 'knock'), 'allowed');
  assert.equal(knock('7', 'invite'), '4.6.1');
  assert.equal(knock('9', 'knock_restricted'), '4.7.1');
  assert.equal(knock('10', 'knock_restricted'), 'allowed');
  assert.equal(knock('12', 'restricted'), '5.7.1');
  for (const membership of ['ban', 'invite', 'join']) assert.equal(knock('12', 'knock', membership), '5.7.4');
  assert.equal(describeRoom({ version: '12', joinRule: 'knock' }).judge(describeMember(alice, bob, 'knock')), '5.7.2');
});
