/** Owns the proof of the rules about joins, restricted ones included. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alice, bob, creator, describeMember, describeRoom } from '#matrix/auth-rules/room-fixture.ts';
import { roomVersions } from '#matrix/room-versions.ts';

test('the creator joins right after the create event, whatever the join rule', () => {
  for (const version of roomVersions.keys()) {
    const room = describeRoom({ version, members: { [creator]: 'leave' } });
    const first = { ...describeMember(creator, creator, 'join'), prev_events: [room.create.eventId] };
    assert.equal(room.judge(first), 'allowed', `version ${version}`);
    const second = { ...first, prev_events: [room.create.eventId, '$other'] };
    assert.notEqual(room.judge(second), 'allowed', `version ${version}`);
    const other = { ...describeMember(alice, alice, 'join'), prev_events: [room.create.eventId] };
    assert.notEqual(room.judge(other), 'allowed', `version ${version}`);
  }
});

test('until version 10 the content of the create event says who the creator is', () => {
  for (const [version, verdict] of [
    ['10', 'allowed'],
    ['11', '4.3.7'],
  ] as const) {
    const room = describeRoom({ version, createContent: { creator: alice } });
    const first = { ...describeMember(alice, alice, 'join'), prev_events: [room.create.eventId] };
    assert.equal(room.judge(first), verdict);
  }
});

test('nobody joins for another, and a ban keeps out', () => {
  const room = describeRoom({ version: '1', joinRule: 'public', members: { [bob]: 'ban' } });
  assert.equal(room.judge(describeMember(alice, bob, 'join')), '5.2.2');
  assert.equal(room.judge(describeMember(bob, bob, 'join')), '5.2.3');
  assert.equal(room.judge(describeMember(alice, alice, 'join')), 'allowed');
});

test('the join rule decides, as far as the version knows it', () => {
  const join = (version: string, joinRule: string | undefined, membership: string): string =>
    describeRoom({
      version,
      ...(joinRule === undefined ? {} : { joinRule }),
      members: { [bob]: membership },
    }).judge(describeMember(bob, bob, 'join'));
  assert.equal(join('6', 'invite', 'invite'), 'allowed');
  assert.equal(join('6', 'invite', 'join'), 'allowed');
  assert.equal(join('6', 'invite', 'leave'), '4.2.6');
  assert.equal(join('6', undefined, 'invite'), 'allowed', 'without a join rule the room is invite-only');
  assert.equal(join('6', undefined, 'leave'), '4.2.6');
  assert.equal(join('6', 'knock', 'invite'), '4.2.6');
  assert.equal(join('7', 'knock', 'invite'), 'allowed');
  assert.equal(join('7', 'knock', 'knock'), '4.2.6');
  assert.equal(join('7', 'restricted', 'invite'), '4.2.6');
  assert.equal(join('8', 'restricted', 'invite'), 'allowed');
  assert.equal(join('8', 'restricted', 'join'), 'allowed');
  assert.equal(join('9', 'knock_restricted', 'invite'), '4.3.7');
  assert.equal(join('10', 'knock_restricted', 'invite'), 'allowed');
  assert.equal(join('12', 'private', 'invite'), '5.3.7');
});

test('a restricted join names a joined member who may invite', () => {
  const join = (authoriser: string | number, version = '10'): string =>
    describeRoom({
      version,
      joinRule: 'restricted',
      levels: { invite: 50, users: { [alice]: 50, '@gone:one.example': 100 } },
      members: { [alice]: 'join', '@gone:one.example': 'leave', '@weak:one.example': 'join' },
    }).judge(describeMember(bob, bob, 'join', { join_authorised_via_users_server: authoriser }));
  assert.equal(join(alice), 'allowed');
  assert.equal(join(creator, '12'), 'allowed', 'a creator has infinite power');
  assert.equal(join(creator), '4.3.5.2', 'before version 12 the creator has no power of its own');
  assert.equal(join('@gone:one.example'), '4.3.5.2');
  assert.equal(join('@weak:one.example'), '4.3.5.2');
  assert.equal(join(7, '12'), '5.3.5.2');
});
