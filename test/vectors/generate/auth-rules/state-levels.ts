/** Owns the cases on who may send which event: membership of the sender, required level, state keys of users. */
import type { Content, EventSketch, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, between, bob, creator, highestLevel, joined, member, message, power, rawNumber, roomName, since, until } from '#test/vectors/generate/sketch.ts';

const levels = (level: number | string, content: Content = {}) => [joined(alice), power({ users: { [alice]: level }, ...content })];

const senders: Sketch[] = ['none', 'leave', 'invite', 'ban', 'knock'].map((before) => ({
  name: `message-by-sender-after-${before}`,
  versions: before === 'knock' ? since(7) : all,
  rule: 'sender-not-joined',
  expect: 'denied',
  state: before === 'none' ? [] : [member(alice, before)],
  event: message(alice),
  why: `Only members send; the membership of the sender is ${before}.`,
}));

const topic = (sender: string): EventSketch => ({ type: 'm.room.topic', sender, stateKey: '', content: { topic: 'Boats' } });

type Row = readonly [name: string, expect: 'allowed' | 'denied', level: number, content: Content, event: EventSketch, why: string];

const rows: readonly Row[] = [
  ['message-default-level', 'allowed', 0, {}, message(alice), 'Message events need 0 by default.'],
  ['message-below-default-level', 'denied', -1, {}, message(alice), 'Message events need 0 by default and the sender is below.'],
  ['message-events-default-equal', 'allowed', 20, { events_default: 20 }, message(alice), 'The sender has exactly the default level for message events.'],
  ['message-events-default-below', 'denied', 19, { events_default: 20 }, message(alice), 'The sender is one below the default level for message events.'],
  ['message-own-level-over-default', 'allowed', 0, { events_default: 50, events: { 'm.room.message': 0 } }, message(alice), 'The level of the type, 0, stands before the default.'],
  ['message-own-level-below', 'denied', 49, { events_default: 0, events: { 'm.room.message': 50 } }, message(alice), 'The level of the type stands before the lower default.'],
  ['message-state-default-does-not-apply', 'allowed', 0, { state_default: 100 }, message(alice), 'The default for state events does not apply to a message event.'],
  ['message-negative-level', 'allowed', -10, { events: { 'm.room.message': -10 } }, message(alice), 'Sender and type have the same negative level.'],
  ['message-below-negative-level', 'denied', -11, { events: { 'm.room.message': -10 } }, message(alice), 'The sender is one below a negative level.'],
  ['state-default-level', 'allowed', 50, {}, roomName(alice), 'State events need 50 by default.'],
  ['state-below-default-level', 'denied', 49, {}, roomName(alice), 'State events need 50 by default and the sender has 49.'],
  ['state-default-equal', 'allowed', 30, { state_default: 30 }, roomName(alice), 'The sender has exactly the default level for state events.'],
  ['state-default-below', 'denied', 29, { state_default: 30 }, roomName(alice), 'The sender is one below the default level for state events.'],
  ['state-default-zero', 'allowed', 0, { state_default: 0 }, roomName(alice), 'A default of 0 is not a missing default.'],
  ['state-default-zero-below', 'denied', -1, { state_default: 0 }, roomName(alice), 'The sender is below a default of 0.'],
  ['state-own-level-zero', 'allowed', 0, { events: { 'm.room.name': 0 } }, roomName(alice), 'A level of 0 for the type stands before the default of 50.'],
  ['state-own-level-of-other-type', 'denied', 49, { events: { 'm.room.name': 0 } }, topic(alice), 'The level of 0 is for another type.'],
  ['state-own-level-equal', 'allowed', 75, { events: { 'm.room.name': 75 } }, roomName(alice), 'The sender has exactly the level of the type.'],
  ['state-own-level-below', 'denied', 74, { events: { 'm.room.name': 75 } }, roomName(alice), 'The sender is one below the level of the type.'],
  ['state-events-default-does-not-apply', 'denied', 49, { events_default: 0 }, roomName(alice), 'The default for message events does not apply to a state event.'],
  ['state-at-highest-level', 'allowed', highestLevel, { state_default: highestLevel }, roomName(alice), 'Both levels stand at the end of the range.'],
  ['state-below-highest-level', 'denied', highestLevel - 1, { state_default: highestLevel }, roomName(alice), 'One level below the end of the range is still below.'],
  ['state-type-looks-inherited', 'denied', 49, { events: {} }, { type: 'constructor', sender: alice, stateKey: '', content: {} }, 'No level is given for this type, so the default of 50 applies.'],
  ['state-type-proto-equal', 'allowed', 75, { events: { ['__proto__']: 75 } }, { type: '__proto__', sender: alice, stateKey: '', content: {} }, 'The type is an odd name like any other, and the sender has its level.'],
  ['state-type-proto-below', 'denied', 74, { events: { ['__proto__']: 75 } }, { type: '__proto__', sender: alice, stateKey: '', content: {} }, 'The type is an odd name like any other, and the sender is one below its level.'],
  ['message-type-with-state-key', 'denied', 49, {}, { ...message(alice), stateKey: '' }, 'With a state key, even an empty one, the event is a state event and needs 50.'],
  ['name-without-state-key', 'allowed', 0, {}, { type: 'm.room.name', sender: alice, content: {} }, 'Without a state key the event is a message event and needs 0.'],
];

const users: Sketch[] = [
  { name: 'level-zero-over-users-default', versions: all, rule: 'required-level', expect: 'denied', state: levels(0, { users_default: 50 }), event: roomName(alice), why: 'The level of 0 that the user is given stands before the higher default.' },
  { name: 'level-from-users-default', versions: all, rule: 'required-level', expect: 'allowed', state: [joined(alice), power({ users: { [bob]: 0 }, users_default: 50 })], event: roomName(alice), why: 'A user who is not listed has the default.' },
  { name: 'level-from-missing-users-default', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice), power({ users: { [bob]: 100 } })], event: roomName(alice), why: 'A user who is not listed has 0 when there is no default.' },
  { name: 'level-from-negative-users-default', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice), power({ users_default: -10 })], event: message(alice), why: 'The default of users is below the 0 that messages need.' },
  { name: 'level-empty-power-levels', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice), power({})], event: roomName(alice), why: 'Every level has its default: 0 for users, 50 for state events.' },
  { name: 'creator-in-empty-power-levels', versions: until(11), rule: 'required-level', expect: 'denied', state: [power({})], event: roomName(creator), why: 'Once there are power levels, the creator has the level they give, here the default of 0.' },
  { name: 'creator-without-power-levels', versions: all, rule: 'required-level', expect: 'allowed', event: roomName(creator), why: 'Without power levels the creator stands above the 50 that state events need.' },
  { name: 'creator-without-power-levels-v11-content', versions: ['11'], rule: 'required-level', expect: 'allowed', event: roomName(creator), why: 'The sender of the create event is the creator though the content names nobody.' },
  { name: 'member-without-power-levels-state', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice)], event: roomName(alice), why: 'Without power levels a member has 0 and state events need 50.' },
  { name: 'member-without-power-levels-message', versions: all, rule: 'required-level', expect: 'allowed', state: [joined(alice)], event: message(alice), why: 'Without power levels a member has 0 and message events need 0.' },
];

const stringLevel = (name: string, text: string, expect: 'allowed' | 'denied', why: string): Sketch => ({
  name: `string-level-${name}`, versions: until(9), rule: 'required-level', expect, state: levels(text), event: roomName(alice), why,
});
const floatLevel = (name: string, value: string, expect: 'allowed' | 'denied', why: string): Sketch => ({
  name: `float-level-${name}`, versions: until(5), rule: 'required-level', expect, state: levels(rawNumber(value)), event: roomName(alice), why,
});

const written: Sketch[] = [
  stringLevel('plain', '50', 'allowed', 'A level written as a string counts as its number.'),
  stringLevel('plain-below', '49', 'denied', 'A level written as a string counts as its number, here one too low.'),
  stringLevel('padded', ' +0100 ', 'allowed', 'White space around it, a sign and leading zeroes do not change the number.'),
  stringLevel('leading-zeroes', '0050', 'allowed', 'Leading zeroes do not make the number octal.'),
  stringLevel('leading-zeroes-below', '00049', 'denied', 'Leading zeroes do not change the number, which is one too low.'),
  stringLevel('not-compared-as-text', '9', 'denied', 'Nine is below fifty although its digit sorts after.'),
  stringLevel('hundred', '100', 'allowed', 'A hundred is above fifty although its digits sort before.'),
  stringLevel('negative', '-100', 'denied', 'A minus sign makes the level negative.'),
  stringLevel('tab-and-newline', '\t50\n', 'allowed', 'White space around the number is of any kind.'),
  { name: 'string-level-required', versions: until(9), rule: 'required-level', expect: 'denied', state: levels(50, { events: { 'm.room.name': ' 0051 ' } }), event: roomName(alice), why: 'The level of the type, written as a string, is one above the sender.' },
  { name: 'string-level-required-equal', versions: until(9), rule: 'required-level', expect: 'allowed', state: levels(50, { events: { 'm.room.name': '+50' } }), event: roomName(alice), why: 'The level of the type, written as a string, is the level of the sender.' },
  { name: 'string-state-default', versions: until(9), rule: 'required-level', expect: 'denied', state: levels(50, { state_default: '60' }), event: roomName(alice), why: 'The default for state events, written as a string, is above the sender.' },
  { name: 'string-users-default', versions: until(9), rule: 'required-level', expect: 'allowed', state: [joined(alice), power({ users_default: '50' })], event: roomName(alice), why: 'The default of users, written as a string, is enough.' },
  floatLevel('truncated', '50.57', 'allowed', 'The part after the point is cut off, which leaves 50.'),
  floatLevel('truncated-below', '49.99', 'denied', 'The level is cut off to 49 and not rounded to 50.'),
  floatLevel('exponent', '5.0999E1', 'allowed', 'The exponent is applied before the rest is cut off, which leaves 50.'),
  floatLevel('exponent-below', '4.999E1', 'denied', 'The exponent is applied before the rest is cut off, which leaves 49.'),
  { name: 'float-level-required', versions: until(5), rule: 'required-level', expect: 'allowed', state: levels(50, { state_default: rawNumber('50.9') }), event: roomName(alice), why: 'The required level is cut off to 50.' },
  { name: 'float-level-negative-truncated', versions: until(5), rule: 'required-level', expect: 'allowed', state: levels(rawNumber('-0.5')), event: message(alice), why: 'Cutting off at the point leaves 0, not -1.' },
];

const custom = (sender: string, stateKey: string): EventSketch => ({ type: 'test.note', sender, stateKey, content: {} });
const keys: Sketch[] = ([
  ['own', 'allowed', alice, 'The state key is the user id of the sender.'],
  ['of-another', 'denied', bob, 'The state key is the user id of somebody else.'],
  ['at-sign-alone', 'denied', '@', 'The state key begins with the sigil of users and is not the sender.'],
  ['own-with-suffix', 'denied', `${alice}_1`, 'The state key only begins with the user id of the sender.'],
  ['own-other-case', 'denied', alice.toUpperCase(), 'The state key differs from the sender by case.'],
  ['at-sign-inside', 'allowed', `note-${bob}`, 'The state key does not begin with the sigil.'],
  ['empty', 'allowed', '', 'An empty state key belongs to nobody.'],
] as const).map(([name, expect, stateKey, why]) => ({
  name: `user-state-key-${name}`, versions: all, rule: 'user-state-key', expect, state: levels(100), event: custom(alice, stateKey), why,
}));

export const stateLevels: Sketch[] = [
  ...senders,
  { name: 'message-by-joined-sender', versions: all, rule: 'sender-not-joined', expect: 'allowed', state: [joined(alice)], event: message(alice), why: 'The sender is a member.' },
  { name: 'state-by-former-admin', versions: all, rule: 'sender-not-joined', expect: 'denied', state: [member(alice, 'leave'), power({ users: { [alice]: 100 } })], event: roomName(alice), why: 'The level remains but the sender has left.' },
  ...rows.map(([name, expect, level, content, event, why]): Sketch => ({ name, versions: all, rule: 'required-level', expect, state: levels(level, content), event, why })),
  ...users,
  ...written,
  ...keys,
  { name: 'ordinary-message', versions: all, rule: 'otherwise', expect: 'allowed', state: levels(0), event: message(alice), why: 'No rule speaks against the event.' },
  { name: 'ordinary-state-with-power-type-name', versions: between(1, 12), rule: 'otherwise', expect: 'allowed', state: levels(50), event: { type: 'm.room.power_level', sender: alice, stateKey: '', content: { users: 'none' } }, why: 'A type that only resembles power levels is an ordinary state event.' },
];
