/** Owns the cases on invitations by third-party identifier, with real signatures. */
import { createPrivateKey, createPublicKey, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import type { Content, EventSketch, Json, Sketch, StateSketch } from '#test/vectors/generate/sketch.ts';
import {
  alice,
  all,
  bob,
  creator,
  dave,
  joined,
  member,
  membership,
  power,
  stateEvent,
} from '#test/vectors/generate/sketch.ts';

/** The fixed part of a PKCS #8 document around a 32-byte Ed25519 seed. */
const pkcs8Prefix = Buffer.from('302e020100300506032b657004220420', 'hex');

function keyFromSeed(byte: number): { readonly secret: KeyObject; readonly publicKey: string } {
  const der = Buffer.concat([pkcs8Prefix, Buffer.alloc(32, byte)]);
  const secret = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  const spki = createPublicKey(secret).export({ format: 'der', type: 'spki' });
  return { secret, publicKey: unpadded(spki.subarray(-32)) };
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replaceAll('=', '');

const identityKey = keyFromSeed(1);
const otherKey = keyFromSeed(2);
const token = 'token';

/** `signed` as the identity server `id.test` makes it. */
function signed(mxid: string, key = identityKey, of = token): Content {
  return { mxid, token: of, signatures: { 'id.test': { 'ed25519:0': signature(mxid, key, of) } } };
}

/** The signature over user id and token, whose two keys are already in canonical order. */
function signature(mxid: string, key: typeof identityKey, of: string): string {
  return unpadded(sign(null, Buffer.from(JSON.stringify({ mxid, token: of }), 'utf8'), key.secret));
}

function invite(value: Json, target = bob, sender = alice): EventSketch {
  return membership(sender, target, 'invite', { third_party_invite: value });
}

const withSigned = (value: Json, target = bob): EventSketch => invite({ display_name: 'b...', signed: value }, target);
const proper = withSigned(signed(bob));

function offer(content: Content, sender = alice, stateKey = token): StateSketch {
  const base = { display_name: 'b...', key_validity_url: 'https://id.test/valid' };
  return {
    ...stateEvent('m.room.third_party_invite', { ...base, ...content }, stateKey, sender),
    id: `$offer-${stateKey}`,
  };
}

const keyed = offer({ public_key: identityKey.publicKey });
const listed = (...keys: string[]): Content => ({ public_keys: keys.map((key) => ({ public_key: key })) });
const room = [joined(alice), keyed];

const denied = (
  name: string,
  rule: string,
  event: EventSketch,
  why: string,
  state: readonly StateSketch[] = room,
): Sketch => ({
  name: `third-party-${name}`,
  versions: all,
  rule: `third-party.${rule}`,
  expect: 'denied',
  verify: 'ok',
  state,
  event,
  why,
});
const allowed = (
  name: string,
  rule: string,
  why: string,
  state: readonly StateSketch[] = room,
  event = proper,
): Sketch => ({
  name: `third-party-${name}`,
  versions: all,
  rule: `third-party.${rule}`,
  expect: 'allowed',
  verify: 'ok',
  state,
  event,
  why,
});
const unsigned = (name: string, event: EventSketch, why: string, state: readonly StateSketch[] = room): Sketch => ({
  name: `third-party-${name}`,
  versions: all,
  rule: 'third-party.unsigned',
  expect: 'denied',
  verify: 'fail',
  state,
  event,
  why,
});

const exchange: Sketch[] = [
  denied('target-banned', 'target-banned', proper, 'The user is banned and cannot be invited by any way.', [
    ...room,
    member(bob, 'ban'),
  ]),
  allowed('target-left', 'target-banned', 'A user who left can be invited again.', [...room, member(bob, 'leave')]),
  denied('no-signed', 'no-signed', invite({ display_name: 'b...' }), 'The signed part is missing.'),
  denied('empty-property', 'no-signed', invite({}), 'The property is there but empty.'),
  allowed('signed', 'no-signed', 'The signed part is there.'),
  denied('no-mxid', 'no-mxid-token', withSigned({ token, signatures: {} }), 'The signed part does not say which user.'),
  denied(
    'no-token',
    'no-mxid-token',
    withSigned({ mxid: bob, signatures: {} }),
    'The signed part does not say which invitation.',
  ),
  denied(
    'neither-mxid-nor-token',
    'no-mxid-token',
    withSigned({ signatures: {} }),
    'The signed part says neither the user nor the invitation.',
  ),
  allowed('mxid-and-token', 'no-mxid-token', 'The signed part has both.'),
  denied(
    'mxid-of-another',
    'mxid',
    withSigned(signed(dave)),
    'The identifier was bound to another user than the one invited.',
  ),
  allowed('mxid-of-target', 'mxid', 'The identifier was bound to the user invited.'),
  denied('no-event', 'no-event', proper, 'There is no such invitation in the room.', [joined(alice)]),
  denied('event-of-another-token', 'no-event', proper, 'The invitation in the room has another token.', [
    joined(alice),
    offer({ public_key: identityKey.publicKey }, alice, 'other'),
  ]),
  allowed('event-of-token', 'no-event', 'The invitation with this token is in the room.'),
  denied('sender-of-another', 'sender', proper, 'The invitation was made by somebody else than the sender.', [
    joined(alice),
    offer({ public_key: identityKey.publicKey }, creator),
  ]),
  allowed('sender-same', 'sender', 'The sender made the invitation.'),
];

const signatures: Sketch[] = [
  allowed('signature-by-public-key', 'public-key', 'The signature is by the single key of the invitation.'),
  allowed('signature-by-public-keys', 'public-keys', 'The signature is by the only key in the list.', [
    joined(alice),
    offer(listed(identityKey.publicKey)),
  ]),
  allowed('signature-by-second-of-public-keys', 'public-keys', 'The signature is by the second key in the list.', [
    joined(alice),
    offer(listed(otherKey.publicKey, identityKey.publicKey)),
  ]),
  allowed(
    'signature-by-public-keys-not-public-key',
    'public-keys',
    'The single key does not fit, but one in the list does.',
    [joined(alice), offer({ public_key: otherKey.publicKey, ...listed(identityKey.publicKey) })],
  ),
  allowed(
    'signature-by-public-key-not-public-keys',
    'public-key',
    'The key in the list does not fit, but the single one does.',
    [joined(alice), offer({ public_key: identityKey.publicKey, ...listed(otherKey.publicKey) })],
  ),
  allowed(
    'one-good-signature-of-two',
    'signature',
    'Any one valid signature is enough.',
    room,
    withSigned(twoSignatures()),
  ),
  unsigned(
    'signature-by-other-key',
    withSigned(signed(bob, otherKey)),
    'The signature is by a key that the invitation does not list.',
  ),
  unsigned(
    'signature-over-another-mxid',
    withSigned({ ...signed(dave), mxid: bob }),
    'The signature covers another user id than the one given.',
  ),
  unsigned(
    'signature-over-another-token',
    withSigned({ ...signed(bob, identityKey, 'other'), token }),
    'The signature covers another token than the one given.',
  ),
  unsigned('no-signatures', withSigned({ mxid: bob, token }), 'There is no signature.'),
  unsigned('empty-signatures', withSigned({ mxid: bob, token, signatures: {} }), 'There is no signature.'),
  unsigned('no-public-keys', proper, 'The invitation has no key that the signature could be by.', [
    joined(alice),
    offer({}),
  ]),
];

function twoSignatures(): Content {
  const bad = { 'ed25519:0': unpadded(Buffer.alloc(64, 7)) };
  const good = { 'ed25519:0': signature(bob, identityKey, token) };
  return { mxid: bob, token, signatures: { 'other.test': bad, 'id.test': good } };
}

const textual =
  'The rules for a signed third-party invitation end in allow before the membership of the sender, the level to invite and, but for a ban, the membership of the target are looked at.';
const beforeOthers: Sketch[] = [
  {
    ...allowed('sender-has-left', 'signature', 'The invitation was made while the sender was a member.', [
      member(alice, 'leave'),
      keyed,
    ]),
    reading: textual,
  },
  {
    ...allowed('sender-below-invite-level', 'signature', 'The level was needed when the invitation was made.', [
      joined(alice),
      keyed,
      power({ invite: 50, users_default: 0 }),
    ]),
    reading: textual,
  },
  {
    ...allowed('target-already-joined', 'signature', 'Only a ban of the target stands in the way.', [
      ...room,
      joined(bob),
    ]),
    reading: textual,
  },
];

const offering = (sender: string): EventSketch => ({
  type: 'm.room.third_party_invite',
  sender,
  stateKey: token,
  content: keyed.content,
});
const levels = (level: number, content: Content = {}) => [
  joined(alice),
  power({ users: { [alice]: level }, ...content }),
];
const offers: Sketch[] = [
  {
    name: 'third-party-offer-level-equal',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'allowed',
    state: levels(50, { invite: 50 }),
    event: offering(alice),
    why: 'The sender has exactly the level to invite.',
  },
  {
    name: 'third-party-offer-level-below',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'denied',
    state: levels(49, { invite: 50 }),
    event: offering(alice),
    why: 'The sender is one below the level to invite.',
  },
  {
    name: 'third-party-offer-default-level',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'allowed',
    state: levels(0),
    event: offering(alice),
    why: 'Inviting needs 0 by default, although it is a state event.',
  },
  {
    name: 'third-party-offer-below-default-level',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'denied',
    state: levels(-1),
    event: offering(alice),
    why: 'Inviting needs 0 by default and the sender is below.',
  },
  {
    name: 'third-party-offer-ignores-level-of-event',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'allowed',
    state: levels(50, { invite: 50, events: { 'm.room.third_party_invite': 100 } }),
    event: offering(alice),
    why: 'The level to invite alone decides, not the one for the event type.',
  },
  {
    name: 'third-party-offer-level-of-event-does-not-help',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'denied',
    state: levels(49, { invite: 50, events: { 'm.room.third_party_invite': 0 } }),
    event: offering(alice),
    why: 'The level to invite alone decides, not the one for the event type.',
  },
  {
    name: 'third-party-offer-by-invited-user',
    versions: all,
    rule: 'sender-not-joined',
    expect: 'denied',
    state: [member(alice, 'invite'), power({ users: { [alice]: 100 } })],
    event: offering(alice),
    why: 'Only members offer invitations.',
  },
  {
    name: 'third-party-offer-without-power-levels',
    versions: all,
    rule: 'third-party-invite.level',
    expect: 'allowed',
    state: [joined(alice)],
    event: offering(alice),
    why: 'Without power levels inviting needs 0.',
  },
];

export const thirdPartyInvite: Sketch[] = [...exchange, ...signatures, ...beforeOthers, ...offers];
