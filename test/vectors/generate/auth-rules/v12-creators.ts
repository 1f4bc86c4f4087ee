/** Owns the cases on room creators: infinite power in version 12, and who counts as creator before it. */
import type { Content, EventSketch, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, carol, creator, dave, highestLevel, join, joined, joinRule, member, membership, message, power, roomName, setPower, since, stateEvent, until } from '#test/vectors/generate/sketch.ts';

type Row = Omit<Sketch, 'versions' | 'name'> & { readonly name: string };
const v12 = (row: Row): Sketch => ({ versions: ['12'], ...row, name: `creators-${row.name}` });

const co: Content = { additional_creators: [carol] };
const strong = power({ users: { [alice]: highestLevel }, kick: 50, ban: 50 });
const equals = 'Two infinite levels are equal, so neither is below the other.';
const tombstone = (sender: string): EventSketch => ({ type: 'm.room.tombstone', sender, stateKey: '', content: { body: 'Moved', replacement_room: '!next' } });
const guarded = power({ users: { [alice]: 100 }, events: { 'm.room.tombstone': 150 } });

const levels: Row[] = [
  { name: 'kick-of-highest', rule: 'leave.kick', expect: 'allowed', state: [joined(alice), strong], event: membership(creator, alice, 'leave'), why: 'A creator stands above every level that can be written down.' },
  { name: 'kicked-by-highest', rule: 'leave.otherwise', expect: 'denied', state: [joined(alice), strong], event: membership(alice, creator, 'leave'), why: 'No level that can be written down is above a creator.' },
  { name: 'ban-of-highest', rule: 'ban.level', expect: 'allowed', state: [joined(alice), strong], event: membership(creator, alice, 'ban'), why: 'A creator stands above every level that can be written down.' },
  { name: 'banned-by-highest', rule: 'ban.otherwise', expect: 'denied', state: [joined(alice), strong], event: membership(alice, creator, 'ban'), why: 'No level that can be written down is above a creator.' },
  { name: 'additional-kick-of-highest', rule: 'leave.kick', expect: 'allowed', create: co, state: [joined(alice), joined(carol), strong], event: membership(carol, alice, 'leave'), why: 'Additional creators have the same infinite level.' },
  { name: 'additional-kicked-by-highest', rule: 'leave.otherwise', expect: 'denied', create: co, state: [joined(alice), joined(carol), strong], event: membership(alice, carol, 'leave'), why: 'Additional creators have the same infinite level.' },
  { name: 'additional-banned-before-joining', rule: 'ban.otherwise', expect: 'denied', create: co, state: [joined(alice), strong], event: membership(alice, carol, 'ban'), why: 'An additional creator has the infinite level without being a member.' },
  { name: 'kick-of-additional', rule: 'leave.otherwise', expect: 'denied', create: co, state: [joined(carol)], event: membership(creator, carol, 'leave'), reading: equals, why: 'Both are creators and neither is below the other.' },
  { name: 'ban-by-additional-of-creator', rule: 'ban.otherwise', expect: 'denied', create: co, state: [joined(carol)], event: membership(carol, creator, 'ban'), reading: equals, why: 'Both are creators and neither is below the other.' },
  { name: 'invite-at-highest', rule: 'invite.level', expect: 'allowed', state: [power({ invite: highestLevel })], event: membership(creator, bob, 'invite'), why: 'No level to invite is beyond a creator.' },
  { name: 'offer-at-highest', rule: 'third-party-invite.level', expect: 'allowed', state: [power({ invite: highestLevel })], event: { type: 'm.room.third_party_invite', sender: creator, stateKey: 'token', content: { display_name: 'b...' } }, why: 'No level to invite is beyond a creator.' },
  { name: 'authorises-restricted-join-at-highest', rule: 'join.restricted.ok', expect: 'allowed', verify: 'ok', state: [joinRule('restricted'), power({ invite: highestLevel })], event: join(bob, { join_authorised_via_users_server: creator }), why: 'A creator may invite whatever the level, and so may authorise a join.' },
  { name: 'state-at-highest', rule: 'required-level', expect: 'allowed', state: [power({ state_default: highestLevel })], event: roomName(creator), why: 'No level of an event is beyond a creator.' },
  { name: 'additional-state-at-highest', rule: 'required-level', expect: 'allowed', create: co, state: [joined(carol), power({ state_default: highestLevel })], event: roomName(carol), why: 'No level of an event is beyond an additional creator.' },
  { name: 'users-default-does-not-lower', rule: 'required-level', expect: 'allowed', state: [power({ users_default: -100 })], event: roomName(creator), why: 'The default of users does not apply to a creator.' },
  { name: 'tombstone-by-admin', rule: 'required-level', expect: 'denied', state: [joined(alice), guarded], event: tombstone(alice), why: 'Replacing the room needs 150 here and an admin has 100.' },
  { name: 'tombstone-by-creator', rule: 'required-level', expect: 'allowed', state: [joined(alice), guarded], event: tombstone(creator), why: 'Replacing the room needs 150 here and a creator has more.' },
  { name: 'additional-without-power-levels', rule: 'required-level', expect: 'allowed', create: co, state: [joined(carol)], event: roomName(carol), why: 'The infinite level does not depend on power levels being there.' },
  { name: 'member-without-power-levels', rule: 'required-level', expect: 'denied', create: co, state: [joined(alice)], event: roomName(alice), why: 'Without power levels everybody but the creators has 0.' },
];

const limits: Row[] = [
  { name: 'after-leaving', rule: 'sender-not-joined', expect: 'denied', alone: true, state: [member(creator, 'leave')], event: message(creator), why: 'A creator who has left is not a member, whatever their level.' },
  { name: 'additional-before-joining', rule: 'sender-not-joined', expect: 'denied', create: co, event: message(carol), why: 'An additional creator who has not joined is not a member.' },
  { name: 'invite-after-leaving', rule: 'invite.sender-not-joined', expect: 'denied', alone: true, state: [member(creator, 'leave')], event: membership(creator, bob, 'invite'), why: 'Only members invite, creators included.' },
  { name: 'rejoin-uninvited', rule: 'join.otherwise', expect: 'denied', alone: true, state: [joinRule('invite'), member(creator, 'leave')], event: join(creator), why: 'Joining is not a matter of levels, and the creator was not invited back.' },
  { name: 'user-state-key', rule: 'user-state-key', expect: 'denied', event: { type: 'test.note', sender: creator, stateKey: alice, content: {} }, why: 'The state key of another user is closed to creators too.' },
  { name: 'additional-of-other-domain-in-closed-room', rule: 'federate', expect: 'denied', create: { additional_creators: [dave], 'm.federate': false }, state: [joined(dave)], event: message(dave), why: 'A closed room compares the domain of the sender of the create event alone.' },
];

const noPower = { users: { [alice]: 100 } };
const listed: Row[] = [
  { name: 'listed-in-first-power-levels', rule: 'power.creators', expect: 'denied', event: setPower(creator, { users: { [creator]: 100 } }), why: 'A creator cannot be given a level.' },
  { name: 'listed-in-later-power-levels', rule: 'power.creators', expect: 'denied', state: [power(noPower)], event: setPower(creator, { users: { ...noPower.users, [creator]: 100 } }), why: 'A creator cannot be given a level.' },
  { name: 'listed-by-admin', rule: 'power.creators', expect: 'denied', state: [joined(alice), power(noPower)], event: setPower(alice, { users: { ...noPower.users, [creator]: 0 } }), why: 'A creator cannot be given a level, least of all by others.' },
  { name: 'listed-at-highest', rule: 'power.creators', expect: 'denied', event: setPower(creator, { users: { [creator]: highestLevel } }), why: 'Not even the highest level may be written down for a creator.' },
  { name: 'additional-listed', rule: 'power.creators', expect: 'denied', create: co, event: setPower(creator, { users: { [carol]: 100 } }), why: 'An additional creator cannot be given a level.' },
  { name: 'second-additional-listed', rule: 'power.creators', expect: 'denied', create: { additional_creators: [carol, dave] }, event: setPower(creator, { users: { [alice]: 50, [dave]: 100 } }), why: 'None of the additional creators can be given a level.' },
  { name: 'not-listed', rule: 'power.creators', expect: 'allowed', create: co, event: setPower(creator, { users: { [alice]: 100 } }), why: 'Only others are given levels.' },
  { name: 'invalid-entry-beside-creator', rule: 'power.users-types', expect: 'denied', event: setPower(creator, { users: { [creator]: 100, [alice]: '50' } }), why: 'The shape of the levels is checked before who is listed.' },
  { name: 'lowers-highest', rule: 'power.users-current', expect: 'allowed', state: [strong], event: setPower(creator, { users: { [alice]: 0 }, kick: 50, ban: 50 }), why: 'A creator may lower any user.' },
  { name: 'grants-highest', rule: 'power.users-new', expect: 'allowed', state: [power(noPower)], event: setPower(creator, { users: { [alice]: highestLevel } }), why: 'A creator may grant any level.' },
  { name: 'changes-highest-property', rule: 'power.property-current', expect: 'allowed', state: [power({ ...noPower, ban: highestLevel })], event: setPower(creator, { ...noPower, ban: 0 }), why: 'A creator may change any level.' },
  { name: 'additional-sets-highest-event', rule: 'power.events-new', expect: 'allowed', create: co, state: [joined(carol), power(noPower)], event: setPower(carol, { ...noPower, events: { 'm.room.name': highestLevel } }), why: 'An additional creator may set any level.' },
  { name: 'admin-cannot-exceed-own-level', rule: 'power.users-new', expect: 'denied', state: [joined(alice), power(noPower)], event: setPower(alice, { users: { [alice]: 100, [bob]: 101 } }), why: 'Everybody but the creators stays bound to their own level.' },
];

const contentCreator = 'Until version 10 the creator is the user in content.creator, whoever sent the create event.';
const named: Content = { creator: alice };
const before: Sketch[] = [
  { name: 'creators-listed-before-version-12', versions: until(11), rule: 'power.first', expect: 'allowed', event: setPower(creator, { users: { [creator]: 100 } }), why: 'Before version 12 the creator is listed like everybody else.' },
  { name: 'creators-lowered-before-version-12', versions: until(11), rule: 'required-level', expect: 'denied', state: [power({ users: { [creator]: 49 } })], event: roomName(creator), why: 'Before version 12 the creator has the level that is written down.' },
  { name: 'creators-kicked-before-version-12', versions: until(11), rule: 'leave.kick', expect: 'allowed', state: [joined(alice), power({ users: { [alice]: 50, [creator]: 49 } })], event: membership(alice, creator, 'leave'), why: 'Before version 12 the creator can be kicked from above.' },
  { name: 'creators-additional-before-version-12', versions: until(11), rule: 'required-level', expect: 'denied', create: co, state: [joined(carol)], event: roomName(carol), why: 'Before version 12 additional creators mean nothing.' },
  { name: 'creators-bound-without-power-levels', versions: until(11), rule: 'required-level', expect: 'allowed', state: [stateEvent('m.room.history_visibility', { history_visibility: 'shared' })], event: setPower(creator, { users: { [creator]: 100 } }), why: 'Without power levels the creator has 100, which is enough for state events.' },
  { name: 'creators-content-names-another-modern', versions: since(11), rule: 'required-level', expect: 'denied', create: named, state: [joined(alice)], event: roomName(alice), why: 'From version 11 only the sender of the create event counts.' },
  { name: 'creators-sender-counts-modern', versions: since(11), rule: 'required-level', expect: 'allowed', create: named, state: [joined(alice)], event: roomName(creator), why: 'From version 11 the sender of the create event is the creator.' },
  { name: 'creators-content-names-another', versions: until(10), rule: 'required-level', expect: 'allowed', create: named, state: [joined(alice)], event: roomName(alice), reading: contentCreator, why: 'The content of the create event names this user as the creator.' },
  { name: 'creators-additional-first-power-levels', versions: all, rule: 'sender-not-joined', expect: 'denied', create: co, event: setPower(carol, { users: {} }), why: 'Somebody named as an additional creator still has to join first.' },
];

export const v12Creators: Sketch[] = [...[...levels, ...limits, ...listed].map(v12), ...before];
