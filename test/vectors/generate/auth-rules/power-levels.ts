/** Owns the cases on changing power levels: what the sender may add, change and remove. */
import type { Content, Json, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, bob, dave, highestLevel, joined, power, setPower, since, until } from '#test/vectors/generate/sketch.ts';
import { powerLevelTypes } from '#test/vectors/generate/auth-rules/power-level-types.ts';

type Verdict = 'allowed' | 'denied';
type Levels = { readonly [name: string]: Json };

const type = 'm.room.power_levels';

/** Power levels under which the sender, alice, has `level` and may just send power levels. */
function levelsOf(level: number, extra: Content = {}, users: Levels = {}, events: Levels = {}): Content {
  return { users: { [alice]: level, ...users }, events: { [type]: level, ...events }, ...extra };
}

function change(name: string, rule: string, expect: Verdict, before: Content, after: Content, why: string, versions: readonly string[] = all): Sketch {
  return { name: `power-${name}`, versions, rule: `power.${rule}`, expect, state: [joined(alice), power(before)], event: setPower(alice, after), why };
}

const properties = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'];
const plain = levelsOf(50);

const ofProperties: Sketch[] = properties.flatMap((name) => {
  const at = (value: Json): Content => levelsOf(50, { [name]: value });
  const id = name.replace('_', '-');
  return [
    change(`${id}-added-equal`, 'property-new', 'allowed', plain, at(50), `The sender sets ${name} to their own level.`),
    change(`${id}-added-above`, 'property-new', 'denied', plain, at(51), `The sender sets ${name} to one above their own level.`),
    change(`${id}-raised-above`, 'property-new', 'denied', at(40), at(51), `The sender raises ${name} to one above their own level.`),
    change(`${id}-lowered-from-equal`, 'property-current', 'allowed', at(50), at(-1), `The sender lowers ${name}, which is at their own level.`),
    change(`${id}-lowered-from-above`, 'property-current', 'denied', at(51), at(50), `The sender lowers ${name}, which is one above their own level.`),
    change(`${id}-removed-equal`, 'property-current', 'allowed', at(50), plain, `The sender removes ${name}, which is at their own level.`),
    change(`${id}-removed-above`, 'property-current', 'denied', at(51), plain, `The sender removes ${name}, which is one above their own level.`),
    change(`${id}-unchanged-above`, 'property-current', 'allowed', at(100), at(100), `The sender leaves ${name} as it is, above their own level.`),
  ];
});

const absentSide = 'A level that is absent on one side of the change is not compared by its default.';
const edges: Sketch[] = [
  change('ban-zero-raised-above', 'property-new', 'denied', levelsOf(50, { ban: 0 }), levelsOf(50, { ban: 51 }), 'A level of 0 counts as present, and the new one is above the sender.'),
  change('ban-set-to-highest', 'property-new', 'allowed', levelsOf(highestLevel), levelsOf(highestLevel, { ban: highestLevel }), 'The end of the range is the level of the sender.'),
  change('ban-set-above-near-highest', 'property-new', 'denied', levelsOf(highestLevel - 1), levelsOf(highestLevel - 1, { ban: highestLevel }), 'The end of the range is one above the level of the sender.'),
  change('ban-negative-sender-above', 'property-new', 'denied', levelsOf(-5), levelsOf(-5, { invite: -4 }), 'Negative levels compare as numbers, and the new one is above.'),
  change('ban-negative-sender-equal', 'property-new', 'allowed', levelsOf(-5), levelsOf(-5, { invite: -5 }), 'Negative levels compare as numbers, and the new one is equal.'),
  { ...change('ban-added-below-default', 'property-new', 'allowed', levelsOf(30), levelsOf(30, { ban: 20 }), 'The level was not given before, and the new one is below the sender.'), reading: absentSide },
  { ...change('ban-removed-to-default', 'property-current', 'allowed', levelsOf(30, { ban: 20 }), levelsOf(30), 'The level is below the sender, and afterwards it is no longer given.'), reading: absentSide },
  change('ban-string-above', 'property-new', 'denied', plain, levelsOf(50, { ban: '0051' }), 'The new level, written as a string, is one above the sender.', until(9)),
  change('ban-string-equal', 'property-new', 'allowed', plain, levelsOf(50, { ban: ' +50 ' }), 'The new level, written as a string, is that of the sender.', until(9)),
  change('ban-string-current-above', 'property-current', 'denied', levelsOf(50, { ban: '51' }), levelsOf(50, { ban: 50 }), 'The current level, written as a string, is one above the sender.', until(9)),
  change('ban-string-current-digit', 'property-current', 'allowed', levelsOf(50, { ban: '9' }), levelsOf(50, { ban: 50 }), 'The current level is nine and is not compared as text.', until(9)),
  change('unknown-property', 'ok', 'allowed', plain, levelsOf(50, { 'test.level': 100 }), 'Properties that the rules do not list are free.'),
  change('nothing-changed', 'ok', 'allowed', plain, plain, 'The event changes nothing.'),
  { name: 'power-below-level-of-event', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice), power({ users: { [alice]: 49 } })], event: setPower(alice, { users: { [alice]: 49 } }), why: 'Power levels are a state event and need 50 by default, changes or not.' },
  { name: 'power-state-key-of-another', versions: all, rule: 'user-state-key', expect: 'denied', state: [joined(alice), power(plain)], event: { ...setPower(alice, plain), stateKey: bob }, why: 'The rule on state keys of users stands before the one on power levels.' },
];

type MapRow = readonly [name: string, rule: 'current' | 'new', expect: Verdict, before: Levels, after: Levels, why: string];
const mapRows: readonly MapRow[] = [
  ['added-equal', 'new', 'allowed', {}, { entry: 50 }, 'The entry added is at the level of the sender.'],
  ['added-above', 'new', 'denied', {}, { entry: 51 }, 'The entry added is one above the sender.'],
  ['raised-above', 'new', 'denied', { entry: 0 }, { entry: 51 }, 'The entry is raised to one above the sender.'],
  ['raised-equal', 'new', 'allowed', { entry: 0 }, { entry: 50 }, 'The entry is raised to the level of the sender.'],
  ['lowered-from-above', 'current', 'denied', { entry: 51 }, { entry: 0 }, 'The entry was one above the sender.'],
  ['lowered-from-equal', 'current', 'allowed', { entry: 50 }, { entry: 0 }, 'The entry was at the level of the sender.'],
  ['removed-above', 'current', 'denied', { entry: 51 }, {}, 'The entry removed was one above the sender.'],
  ['removed-equal', 'current', 'allowed', { entry: 50 }, {}, 'The entry removed was at the level of the sender.'],
  ['unchanged-above', 'current', 'allowed', { entry: 100 }, { entry: 100 }, 'The entry stays as it is, above the sender.'],
  ['unchanged-above-beside-change', 'current', 'allowed', { entry: 100, other: 10 }, { entry: 100, other: 20 }, 'Only the entry that changes is compared.'],
  ['one-of-two-above', 'new', 'denied', { entry: 10, other: 10 }, { entry: 20, other: 51 }, 'Every entry that changes is compared, and one is above.'],
];

const ofEvents: Sketch[] = [
  ...mapRows.map(([name, rule, expect, before, after, why]) =>
    change(`events-${name}`, `events-${rule}`, expect, levelsOf(50, {}, {}, before), levelsOf(50, {}, {}, after), why),
  ),
  change('events-own-type-above', 'events-new', 'denied', plain, levelsOf(50, {}, {}, { [type]: 51 }), 'The level of power levels themselves is raised above the sender.'),
  change('events-all-removed', 'events-current', 'allowed', plain, { users: { [alice]: 50 } }, 'Every entry removed with the property was at the level of the sender.'),
  change('events-all-removed-one-above', 'events-current', 'denied', levelsOf(50, {}, {}, { entry: 51 }), { users: { [alice]: 50 } }, 'One entry removed with the property was above the sender.'),
  change('events-string-above', 'events-new', 'denied', plain, levelsOf(50, {}, {}, { entry: '51' }), 'The entry added, written as a string, is one above the sender.', until(9)),
];

const room = (levels: Levels): Content => levelsOf(50, { notifications: levels });
const ofNotifications: Sketch[] = [
  ...mapRows.map(([name, rule, expect, before, after, why]) =>
    change(`notifications-${name}`, `events-${rule}`, expect, room(before), room(after), why, since(6)),
  ),
  ...mapRows
    .filter(([, , expect]) => expect === 'denied')
    .map(([name, , , before, after]) =>
      change(`notifications-${name}-not-compared`, 'ok', 'allowed', room(before), room(after), 'Before version 6 the levels of notifications are not compared.', until(5)),
    ),
];

const withUsers = (users: Levels): Content => levelsOf(50, {}, users);
const ofUsers: Sketch[] = [
  change('users-other-added-equal', 'users-new', 'allowed', plain, withUsers({ [bob]: 50 }), 'The user added gets the level of the sender.'),
  change('users-other-added-above', 'users-new', 'denied', plain, withUsers({ [bob]: 51 }), 'The user added gets one more than the sender.'),
  change('users-other-raised-equal', 'users-new', 'allowed', withUsers({ [bob]: 49 }), withUsers({ [bob]: 50 }), 'A user below is raised to the level of the sender.'),
  change('users-other-raised-above', 'users-new', 'denied', withUsers({ [bob]: 49 }), withUsers({ [bob]: 51 }), 'A user below is raised above the sender.'),
  change('users-other-lowered-from-below', 'users-current', 'allowed', withUsers({ [bob]: 49 }), withUsers({ [bob]: 0 }), 'The user lowered was one below the sender.'),
  change('users-other-lowered-from-equal', 'users-current', 'denied', withUsers({ [bob]: 50 }), withUsers({ [bob]: 0 }), 'The user lowered had the level of the sender.'),
  change('users-other-lowered-from-above', 'users-current', 'denied', withUsers({ [bob]: 100 }), withUsers({ [bob]: 0 }), 'The user lowered stood above the sender.'),
  change('users-other-removed-below', 'users-current', 'allowed', withUsers({ [bob]: 49 }), plain, 'The user removed was one below the sender.'),
  change('users-other-removed-equal', 'users-current', 'denied', withUsers({ [bob]: 50 }), plain, 'The user removed had the level of the sender.'),
  change('users-other-unchanged-above', 'users-current', 'allowed', withUsers({ [bob]: 100 }), withUsers({ [bob]: 100 }), 'A user above is left as they are.'),
  change('users-other-unchanged-equal-beside-change', 'users-current', 'allowed', withUsers({ [bob]: 50, [dave]: 10 }), withUsers({ [bob]: 50, [dave]: 20 }), 'Only the entry that changes is compared.'),
  change('users-own-lowered', 'users-current', 'allowed', plain, { ...plain, users: { [alice]: 0 } }, 'The sender gives up their own level.'),
  change('users-own-removed', 'users-current', 'allowed', plain, { ...plain, users: {} }, 'The sender removes their own entry.'),
  change('users-own-raised', 'users-new', 'denied', plain, { ...plain, users: { [alice]: 51 } }, 'The sender raises their own level.'),
  change('users-own-raised-from-default', 'users-new', 'denied', { users: {}, users_default: 50 }, { users: { [alice]: 51 }, users_default: 50 }, 'The sender, who has the default level, adds an entry above it.'),
  change('users-own-added-at-default', 'users-new', 'allowed', { users: {}, users_default: 50 }, { users: { [alice]: 50 }, users_default: 50 }, 'The sender, who has the default level, adds an entry that equals it.'),
  change('users-other-zero-raised-above', 'users-new', 'denied', withUsers({ [bob]: 0 }), withUsers({ [bob]: 51 }), 'A level of 0 counts as present, and the new one is above the sender.'),
  change('users-other-added-below-default', 'users-new', 'allowed', levelsOf(50, { users_default: 60 }), levelsOf(50, { users_default: 60 }, { [bob]: 0 }), 'An entry that is added has no current value that could be too high.'),
  change('users-negative-raised-above', 'users-new', 'denied', levelsOf(-5), levelsOf(-5, {}, { [bob]: -4 }), 'Negative levels compare as numbers, and the new one is above.'),
  change('users-negative-added-equal', 'users-new', 'allowed', levelsOf(-5), levelsOf(-5, {}, { [bob]: -5 }), 'Negative levels compare as numbers, and the new one is equal.'),
  change('users-highest-below-highest', 'users-new', 'denied', levelsOf(highestLevel - 1), levelsOf(highestLevel - 1, {}, { [bob]: highestLevel }), 'The end of the range is one above the sender.'),
  change('users-highest-lowers-one-below', 'users-current', 'allowed', levelsOf(highestLevel, {}, { [bob]: highestLevel - 1 }), levelsOf(highestLevel), 'The levels at the end of the range differ by one and compare exactly.'),
  change('users-string-equal', 'users-current', 'denied', withUsers({ [bob]: ' 050 ' }), withUsers({ [bob]: 0 }), 'The user lowered had, written as a string, the level of the sender.', until(9)),
  change('users-string-below', 'users-current', 'allowed', withUsers({ [bob]: '9' }), withUsers({ [bob]: 0 }), 'The user lowered had nine, which is not compared as text.', until(9)),
  change('users-string-added-above', 'users-new', 'denied', plain, withUsers({ [bob]: '+51' }), 'The user added gets, written as a string, one more than the sender.', until(9)),
];

export const powerLevels: Sketch[] = [...powerLevelTypes, ...ofProperties, ...edges, ...ofEvents, ...ofNotifications, ...ofUsers];
