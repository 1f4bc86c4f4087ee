/** Owns the cases on the shape of a power levels event, and on the first one of a room. */
import type { Content, Json, Sketch } from '#test/vectors/generate/sketch.ts';
import { alice, all, between, bob, creator, joined, rawNumber, setPower, since, until } from '#test/vectors/generate/sketch.ts';

/** The creator's first power levels: nothing but their shape can be wrong. */
function firstLevels(name: string, versions: readonly string[], rule: string, expect: 'allowed' | 'denied', content: Content, why: string): Sketch {
  return { name: `power-${name}`, versions, rule, expect, event: setPower(creator, content), why };
}

type Row = readonly [name: string, value: Json, why: string];

const notObjects: readonly Row[] = [
  ['array', [], 'An array is not an object.'],
  ['string', bob, 'A string is not an object.'],
  ['number', 50, 'A number is not an object.'],
  ['null', null, 'The property is there and null is not an object.'],
  ['key-without-sigil', { 'bob:b.test': 50 }, 'A key lacks the sigil of user ids.'],
  ['key-without-domain', { '@bob': 50 }, 'A key lacks the server name.'],
  ['key-with-empty-domain', { '@bob:': 50 }, 'A key has an empty server name.'],
  ['key-empty', { '': 50 }, 'A key is empty.'],
  ['key-proto', { ['__proto__']: 50 }, 'A key is the name of a property that every JavaScript object has, and no user id.'],
  ['key-of-a-room', { '!bob:b.test': 50 }, 'A key has the sigil of a room id.'],
  ['key-of-256-bytes', { [`@${'x'.repeat(256 - 8)}:b.test`]: 50 }, 'A key is one byte longer than a user id may be.'],
  ['value-boolean', { [bob]: true }, 'A boolean is not a level.'],
  ['value-null', { [bob]: null }, 'Null is not a level.'],
  ['value-object', { [bob]: {} }, 'An object is not a level.'],
  ['value-array', { [bob]: [50] }, 'An array is not a level, whatever it holds.'],
  ['value-word', { [bob]: 'fifty' }, 'A word is not an integer.'],
  ['one-bad-value-of-two', { [alice]: 50, [bob]: 'fifty' }, 'One bad value spoils the event.'],
];

const badStrings: readonly Row[] = [
  ['empty', '', 'The string holds no digits.'],
  ['blank', ' ', 'The string holds nothing but white space.'],
  ['sign-alone', '+', 'A sign without digits is no integer.'],
  ['two-signs', '--1', 'Only one sign may stand before the digits.'],
  ['space-after-sign', '- 1', 'No white space may stand between sign and digits.'],
  ['decimal-point', '50.0', 'A string must not have a decimal point.'],
  ['exponent', '1e2', 'A string must not have an exponent.'],
  ['hexadecimal', '0x32', 'A string is read to base ten.'],
  ['separator', '1_000', 'Nothing may stand between the digits.'],
  ['two-numbers', '50 50', 'A string holds a single integer.'],
  ['infinity', 'Infinity', 'Infinity is not an integer.'],
];

const goodStrings: readonly Row[] = [
  ['plain', '50', 'Digits alone are an integer.'],
  ['padded', ' +0100 ', 'White space around it, a plus sign and leading zeroes are in order.'],
  ['negative', '-100', 'A minus sign is in order.'],
  ['zero', '000', 'Zeroes alone are an integer.'],
];

const users: Sketch[] = [
  ...notObjects.map(([name, value, why]) => firstLevels(`users-${name}`, all, 'power.users-types', 'denied', { users: value }, why)),
  ...badStrings.map(([name, value, why]) => firstLevels(`users-string-${name}`, until(9), 'power.users-types', 'denied', { users: { [bob]: value } }, why)),
  ...goodStrings.map(([name, value, why]) => firstLevels(`users-string-${name}`, until(9), 'power.users-types', 'allowed', { users: { [bob]: value } }, why)),
  firstLevels('users-integers', all, 'power.users-types', 'allowed', { users: { [alice]: 100, [bob]: -1 } }, 'Every key is a user id and every value an integer.'),
  firstLevels('users-empty', all, 'power.users-types', 'allowed', { users: {} }, 'An empty object has nothing wrong in it.'),
  firstLevels('users-string-in-newer-version', since(10), 'power.users-types', 'denied', { users: { [bob]: '50' } }, 'Strings are no longer taken as levels.'),
  firstLevels('users-float-in-newer-version', since(10), 'power.users-types', 'denied', { users: { [bob]: rawNumber('50.5') } }, 'A fraction is not an integer.'),
  firstLevels('users-float', until(5), 'power.users-types', 'allowed', { users: { [bob]: rawNumber('50.57') } }, 'These versions take a fraction and cut it off.'),
  firstLevels('users-float-exponent', until(5), 'power.users-types', 'allowed', { users: { [bob]: rawNumber('5.114698E4') } }, 'These versions apply an exponent and cut off the rest.'),
  firstLevels('users-float-too-large', until(5), 'power.users-types', 'denied', { users: { [bob]: rawNumber('1e400') } }, 'The number is beyond what a double can hold.'),
  firstLevels('users-key-of-255-bytes', all, 'power.users-types', 'allowed', { users: { [`@${'x'.repeat(255 - 8)}:b.test`]: 50 } }, 'A user id may take exactly 255 bytes.'),
  { ...firstLevels('users-key-historical', all, 'power.users-types', 'allowed', { users: { '@Bob Smith:b.test': 50 } }, 'User ids of the older, wider grammar must still be accepted.'), reading: 'A valid user id includes the historical ones, which servers must accept in events.' },
  { ...firstLevels('users-missing', all, 'power.users-types', 'allowed', { ban: 50 }, 'Levels that are not given are taken from the defaults.'), reading: 'A missing users property is as good as an empty one; only a present one can be malformed.' },
];

const properties = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'];
const notIntegers: readonly Row[] = [
  ['null', null, 'Null is not an integer.'],
  ['boolean', true, 'A boolean is not an integer.'],
  ['float', rawNumber('50.5'), 'A fraction is not an integer.'],
  ['array', [50], 'An array is not an integer, whatever it holds.'],
  ['object', {}, 'An object is not an integer.'],
  ['empty-string', '', 'A string is not an integer.'],
];

const propertyTypes: Sketch[] = [
  ...properties.map((name) => firstLevels(`${name.replace('_', '-')}-string-in-newer-version`, since(10), 'power.property-types', 'denied', { [name]: '50' }, `Strings are no longer taken as levels, here in ${name}.`)),
  ...notIntegers.map(([name, value, why]) => firstLevels(`ban-${name}-in-newer-version`, since(10), 'power.property-types', 'denied', { ban: value }, why)),
  ...properties.map((name) => firstLevels(`${name.replace('_', '-')}-integer`, since(10), 'power.property-types', 'allowed', { [name]: 50 }, `An integer is a level, here in ${name}.`)),
  ...properties.map((name) => firstLevels(`${name.replace('_', '-')}-string`, until(9), 'power.first', 'allowed', { users: {}, [name]: ' 050 ' }, `A string is taken as a level, here in ${name}.`)),
  firstLevels('no-properties', since(10), 'power.property-types', 'allowed', { users: {} }, 'None of the properties has to be there.'),
  firstLevels('unknown-property-string', since(10), 'power.property-types', 'allowed', { users: {}, 'test.level': '50' }, 'Properties that the rule does not list may hold anything.'),
];

const badMaps: readonly Row[] = [
  ['array', [], 'An array is not an object.'],
  ['string', 'none', 'A string is not an object.'],
  ['null', null, 'The property is there and null is not an object.'],
  ['number', 50, 'A number is not an object.'],
  ['string-value', { room: '50' }, 'A value is a string.'],
  ['null-value', { room: null }, 'A value is null.'],
  ['float-value', { room: rawNumber('0.5') }, 'A value is a fraction.'],
  ['object-value', { room: { level: 50 } }, 'A value is an object.'],
];

const mapTypes: Sketch[] = ['events', 'notifications'].flatMap((map) => [
  ...badMaps.map(([name, value, why]) => firstLevels(`${map}-${name}-in-newer-version`, since(10), 'power.map-types', 'denied', { [map]: value }, why)),
  firstLevels(`${map}-integers`, since(10), 'power.map-types', 'allowed', { [map]: { room: 50, other: 0 } }, 'Every value is an integer.'),
  firstLevels(`${map}-empty`, since(10), 'power.map-types', 'allowed', { [map]: {} }, 'An empty object has nothing wrong in it.'),
  firstLevels(`${map}-strings`, between(1, 9), 'power.first', 'allowed', { users: {}, [map]: { room: '+50' } }, 'Strings are taken as levels in the nested values too.'),
]);

const first: Sketch[] = [
  firstLevels('first-above-sender', all, 'power.first', 'allowed', { users: { [bob]: 200 }, ban: 500, events: { 'm.room.name': 300 } }, 'Without earlier power levels nothing is compared with the sender.'),
  { name: 'power-first-by-member', versions: all, rule: 'required-level', expect: 'denied', state: [joined(alice)], event: setPower(alice, { users: { [alice]: 100 } }), why: 'Without power levels a member has 0 and state events need 50.' },
];

export const powerLevelTypes: Sketch[] = [...users, ...propertyTypes, ...mapTypes, ...first];
