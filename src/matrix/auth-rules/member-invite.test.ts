/** Owns the proof of the rules about invites, third-party ones included. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonValue } from '#matrix/pdu.ts';
import { alice, bob, carol, describeMember, describeRoom, type TestRoom } from '#matrix/auth-rules/room-fixture.ts';

test('inviting takes membership and the invite level', () => {
  const invite = (version: string, level: number): string =>
    describeRoom({
      version,
      levels: { invite: level, users: { [alice]: 10 } },
      members: { [alice]: 'join' },
    }).judge(describeMember(alice, bob, 'invite'));
  assert.equal(invite('1', 10), 'allowed');
  assert.equal(invite('1', 11), '5.3.5');
  assert.equal(invite('8', 11), '4.4.5');
  assert.equal(describeRoom({ version: '12' }).judge(describeMember(alice, bob, 'invite')), '5.4.2');
});

test('who is in the room or banned cannot be invited', () => {
  for (const membership of ['join', 'ban']) {
    const room = describeRoom({ version: '11', members: { [alice]: 'join', [bob]: membership } });
    assert.equal(room.judge(describeMember(alice, bob, 'invite')), '4.4.3');
  }
  for (const membership of ['leave', 'knock', 'invite']) {
    const room = describeRoom({ version: '11', members: { [alice]: 'join', [bob]: membership } });
    assert.equal(room.judge(describeMember(alice, bob, 'invite')), 'allowed');
  }
});

const signed = { mxid: bob, token: 'token', signatures: { 'id.example': { 'ed25519:0': 'good' } } };

/** Alice, who need not be in the room any more, once invited somebody with two public keys. */
function roomWithInvitation(membership = 'leave', verifications: string[] = []): TestRoom {
  const content = { public_key: 'first', public_keys: [{ public_key: 'first' }, { public_key: 'second' }, 'third'] };
  return describeRoom({
    version: '11',
    members: { [bob]: membership },
    state: [{ type: 'm.room.third_party_invite', sender: alice, state_key: 'token', content }],
    verify: (_signed, signature, publicKey) => {
      verifications.push(`${signature} by ${publicKey}`);
      return signature === 'good' && publicKey === 'second';
    },
  });
}

test('a third-party invite is redeemed by a signature of any of its keys', () => {
  const verifications: string[] = [];
  const room = roomWithInvitation('leave', verifications);
  assert.equal(room.judge(describeMember(alice, bob, 'invite', { third_party_invite: { signed } })), 'allowed');
  assert.deepEqual(verifications, ['good by first', 'good by second'], 'each key is tried once');
});

test('the single public key of older invitations counts as well', () => {
  const room = describeRoom({
    version: '11',
    state: [{ type: 'm.room.third_party_invite', sender: alice, state_key: 'token', content: { public_key: 'only' } }],
    verify: (_signed, signature, publicKey) => signature === 'good' && publicKey === 'only',
  });
  assert.equal(room.judge(describeMember(alice, bob, 'invite', { third_party_invite: { signed } })), 'allowed');
});

test('each flaw of a third-party invite has its own rule', () => {
  const redeem = (thirdPartyInvite: JsonValue, sender = alice, room = roomWithInvitation()): string =>
    room.judge(describeMember(sender, bob, 'invite', { third_party_invite: thirdPartyInvite }));
  assert.equal(redeem({ signed }, alice, roomWithInvitation('ban')), '4.4.1.1');
  assert.equal(redeem(null), '4.4.1.2');
  assert.equal(redeem({}), '4.4.1.2');
  assert.equal(redeem({ signed: { mxid: bob } }), '4.4.1.3');
  assert.equal(redeem({ signed: { token: 'token' } }), '4.4.1.3');
  assert.equal(redeem({ signed: { ...signed, mxid: carol } }), '4.4.1.4');
  assert.equal(redeem({ signed: { ...signed, token: 'other' } }), '4.4.1.5');
  assert.equal(redeem({ signed: { ...signed, token: 7 } }), '4.4.1.5');
  assert.equal(redeem({ signed }, carol), '4.4.1.6');
  assert.equal(redeem({ signed: { ...signed, signatures: { 'id.example': { 'ed25519:0': 'bad' } } } }), '4.4.1.8');
  assert.equal(redeem({ signed: { ...signed, signatures: 'good' } }), '4.4.1.8');
});

test('the number of verifications that one event can cause is bounded', () => {
  const verifications: string[] = [];
  const many = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`ed25519:${index}`, `bad ${index}`]));
  const room = roomWithInvitation('leave', verifications);
  const flood = { signed: { ...signed, signatures: { 'id.example': many } } };
  assert.equal(room.judge(describeMember(alice, bob, 'invite', { third_party_invite: flood })), '4.4.1.8');
  assert.equal(verifications.length, 1024);
});
