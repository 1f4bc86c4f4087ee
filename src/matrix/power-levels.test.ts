/** Owns the proof of how power levels are read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { alice, bob, carol, creator, requireVersion } from '#matrix/auth-rules/room-fixture.ts';
import {
  canRedact,
  eventPowerLevel,
  namedLevel,
  notificationLevel,
  parsePowerLevel,
  userPowerLevel,
  type RoomPower,
} from '#matrix/power-levels.ts';

function power(version: string, levels?: JsonObject, createContent: JsonObject = {}): RoomPower {
  return { version: requireVersion(version), create: { sender: creator, content: createContent }, levels };
}

test('integers are levels in every version', () => {
  for (const version of ['1', '6', '10', '12']) {
    for (const level of [0, 50, -1, Number.MAX_SAFE_INTEGER]) {
      assert.equal(parsePowerLevel(level, requireVersion(version)), level);
    }
    for (const value of [null, true, [], {}, '', 'fifty', [50]] satisfies JsonValue[]) {
      assert.equal(parsePowerLevel(value, requireVersion(version)), NaN, JSON.stringify(value));
    }
  }
});

test('until version 9 a string is a level if it holds one decimal integer', () => {
  for (const [text, level] of [
    ['100', 100],
    ['000100', 100],
    ['+100', 100],
    ['-100', -100],
    [' \t-00100\n', -100],
    ['-0', 0],
  ] as const) {
    assert.equal(parsePowerLevel(text, requireVersion('9')), level);
    assert.equal(parsePowerLevel(text, requireVersion('10')), NaN);
  }
  for (const text of ['1.0', '1e3', '0x10', '+ 1', '--1', '1_000', '1 000', ' ', 'Infinity', '٣', '9'.repeat(400)]) {
    assert.equal(parsePowerLevel(text, requireVersion('1')), NaN, text);
  }
});

test('until version 5 floats are truncated, and never infinite', () => {
  const version5 = requireVersion('5');
  assert.equal(parsePowerLevel(50.57, version5), 50);
  assert.equal(parsePowerLevel(-50.57, version5), -50);
  assert.equal(parsePowerLevel(-0.5, version5), 0);
  assert.equal(parsePowerLevel(1e20, version5), 1e20);
  assert.equal(parsePowerLevel(Infinity, version5), NaN);
  assert.equal(parsePowerLevel(50.57, requireVersion('6')), NaN);
});

test('any integer with sign, zeroes and white space around it reads as itself until version 9', () => {
  const space = fc.stringMatching(/^[ \t\n\r]{0,3}$/);
  fc.assert(
    fc.property(fc.maxSafeInteger(), fc.nat(4), space, space, (level, zeroes, before, after) => {
      const sign = level < 0 ? '-' : '+';
      const text = `${before}${sign}${'0'.repeat(zeroes)}${Math.abs(level)}${after}`;
      assert.equal(parsePowerLevel(text, requireVersion('1')), level);
    }),
  );
});

test('without the event the creator has 100, others 0, and every level its default', () => {
  assert.equal(userPowerLevel(power('10', undefined, { creator: alice }), alice), 100);
  assert.equal(userPowerLevel(power('10', undefined, { creator: alice }), creator), 0);
  assert.equal(userPowerLevel(power('11', undefined, { creator: alice }), creator), 100);
  assert.equal(userPowerLevel(power('11'), alice), 0);
  for (const room of [power('1'), power('12', {})]) {
    assert.equal(eventPowerLevel(room, 'm.room.topic', true), 50);
    assert.equal(eventPowerLevel(room, 'm.room.message', false), 0);
    assert.equal(namedLevel(room, 'invite'), 0);
    for (const name of ['ban', 'kick', 'redact'] as const) assert.equal(namedLevel(room, name), 50);
    assert.equal(notificationLevel(room, 'room'), 50);
  }
});

test('with the event the creator has no power of its own until version 11', () => {
  assert.equal(userPowerLevel(power('11', {}), creator), 0);
  assert.equal(userPowerLevel(power('11', { users_default: 5, users: { [creator]: 90 } }), creator), 90);
  assert.equal(userPowerLevel(power('11', { users_default: 5, users: { [creator]: 90 } }), alice), 5);
});

test('from version 12 on creators have infinite power, whatever the event says', () => {
  const levels = { users: { [creator]: 0, [alice]: 0, [bob]: 7 } };
  const room = power('12', levels, { additional_creators: [alice], creator: carol });
  assert.equal(userPowerLevel(room, creator), Infinity);
  assert.equal(userPowerLevel(room, alice), Infinity);
  assert.equal(userPowerLevel(room, bob), 7);
  assert.equal(userPowerLevel(power('12', undefined, { creator: carol }), carol), 0);
  assert.equal(userPowerLevel(power('11', levels, { additional_creators: [alice] }), alice), 0);
});

test('levels under the names of object properties are read as own properties only', () => {
  const levels: JsonObject = JSON.parse('{"users": {"__proto__": 100}, "events": {"constructor": 3}}');
  assert.equal(userPowerLevel(power('11', levels), '__proto__'), 100);
  assert.equal(userPowerLevel(power('11', levels), 'toString'), 0);
  assert.equal(eventPowerLevel(power('11', levels), 'constructor', false), 3);
  assert.equal(eventPowerLevel(power('11', levels), 'valueOf', true), 50);
});

test('what is not a level counts as absent', () => {
  const room = power('9', { users_default: 'much', ban: [], events: 50, users: { [bob]: '7' } });
  assert.equal(userPowerLevel(room, alice), 0);
  assert.equal(userPowerLevel(room, bob), 7);
  assert.equal(namedLevel(room, 'ban'), 50);
  assert.equal(eventPowerLevel(room, 'm.room.topic', true), 50);
});

test('a redaction takes the redact level or the server of the original sender', () => {
  const room = power('11', { redact: 20, users: { [alice]: 20 } });
  assert.equal(canRedact(room, alice, bob), true);
  assert.equal(canRedact(room, bob, alice), false);
  assert.equal(canRedact(room, bob, '@other:two.example'), true);
  assert.equal(canRedact(power('12', { redact: 1000 }), creator, bob), true);
});
