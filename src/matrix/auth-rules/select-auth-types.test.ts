/** Owns the proof of the selection of auth events. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alice, bob, carol, describeMember, requireVersion, type Described } from '#matrix/auth-rules/room-fixture.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';

function select(version: string, described: Described): string[] {
  const types = selectAuthTypes({ content: {}, ...described }, requireVersion(version));
  return types.map(([type, stateKey]) => `${type.replace('m.room.', '')} ${stateKey}`.trim());
}

test('a create event cites nothing', () => {
  assert.deepEqual(select('1', { type: 'm.room.create', sender: alice, state_key: '' }), []);
  assert.deepEqual(select('12', { type: 'm.room.create', sender: alice, state_key: '' }), []);
});

test('every event cites create (until version 11), power levels and the sender', () => {
  const message = { type: 'm.room.message', sender: alice };
  assert.deepEqual(select('11', message), ['create', 'power_levels', `member ${alice}`]);
  assert.deepEqual(select('12', message), ['power_levels', `member ${alice}`]);
});

test('a membership cites its target once, and the join rules where they count', () => {
  const base = ['power_levels', `member ${alice}`];
  assert.deepEqual(select('12', describeMember(alice, bob, 'ban')), [...base, `member ${bob}`]);
  assert.deepEqual(select('12', describeMember(alice, alice, 'leave')), base);
  for (const membership of ['join', 'knock']) {
    assert.deepEqual(select('12', describeMember(alice, alice, membership)), [...base, 'join_rules']);
  }
  assert.deepEqual(select('12', describeMember(alice, bob, 'invite')), [...base, `member ${bob}`, 'join_rules']);
});

test('an invite cites the third-party invite whose token it redeems', () => {
  const invite = (content: Described['content']): string[] =>
    select('12', describeMember(alice, bob, 'invite', content)).slice(4);
  assert.deepEqual(invite({ third_party_invite: { signed: { token: 'token' } } }), ['third_party_invite token']);
  assert.deepEqual(invite({ third_party_invite: { signed: { token: 7 } } }), []);
  assert.deepEqual(invite({ third_party_invite: null }), []);
});

test('a restricted join cites the authorising user, from version 8 on', () => {
  const join = describeMember(bob, bob, 'join', { join_authorised_via_users_server: carol });
  assert.equal(select('7', join).includes(`member ${carol}`), false);
  assert.equal(select('8', join).includes(`member ${carol}`), true);
  const leave = describeMember(bob, bob, 'leave', { join_authorised_via_users_server: carol });
  assert.equal(select('8', leave).includes(`member ${carol}`), false);
  const own = describeMember(bob, bob, 'join', { join_authorised_via_users_server: bob });
  assert.equal(select('8', own).filter((entry) => entry === `member ${bob}`).length, 1);
});
