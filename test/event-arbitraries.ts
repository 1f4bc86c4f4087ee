/** Owns the random JSON values and events that property tests are run on. */
import * as fc from 'fast-check';
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { roomVersions, type RoomVersion } from '#matrix/room-versions.ts';

/** Values as events may hold them: any well-formed strings, integers of 53 bits, keys above U+FFFF among them. */
export const canonicalValue: fc.Arbitrary<JsonValue> = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom<JsonValue>(null, true, false),
    fc.maxSafeInteger().map((value) => (value === 0 ? 0 : value)),
    fc.string({ unit: 'binary' }),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(fc.string({ unit: 'binary', maxLength: 6 }), tie('value'), { maxKeys: 20 }),
  ),
})).value;

export const anyRoomVersion: fc.Arbitrary<RoomVersion> = fc.constantFrom(...roomVersions.values());

/** Types whose content the redaction treats in a way of its own, and others. */
export const eventType: fc.Arbitrary<string> = fc.constantFrom(
  'm.room.member',
  'm.room.create',
  'm.room.join_rules',
  'm.room.power_levels',
  'm.room.aliases',
  'm.room.history_visibility',
  'm.room.redaction',
  'm.room.message',
  'org.example.über',
);

const contentKey = fc.constantFrom(
  'membership',
  'join_authorised_via_users_server',
  'third_party_invite',
  'creator',
  'join_rule',
  'allow',
  'ban',
  'invite',
  'users',
  'notifications',
  'aliases',
  'history_visibility',
  'redacts',
  'body',
  '__proto__',
  '😀',
);

/** Content that has some of the keys that a redaction may keep. */
export const eventContent: fc.Arbitrary<JsonObject> = fc
  .array(fc.tuple(contentKey, fc.oneof(canonicalValue, fc.constant<JsonValue>({ signed: { a: 1 }, other: 2 }))), {
    maxLength: 8,
  })
  .map((entries) => Object.fromEntries(entries));

/** Events with any of the keys that a redaction treats, not necessarily valid ones. */
export const looseEvent: fc.Arbitrary<JsonObject> = fc
  .tuple(
    eventType,
    eventContent,
    fc.dictionary(
      fc.constantFrom(
        'event_id',
        'room_id',
        'sender',
        'origin',
        'membership',
        'prev_state',
        'state_key',
        'redacts',
        'x',
      ),
      canonicalValue,
    ),
  )
  .map(([type, content, rest]) => ({
    ...rest,
    type,
    content,
    hashes: { sha256: 'x' },
    signatures: { a: { b: 'c' } },
    unsigned: { age: 1 },
  }));

/** The same value with the keys of every object in reversed order. */
export function withKeysReversed(value: JsonValue): JsonValue {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(withKeysReversed);
  const entries = Object.entries(value).map(([key, member]): [string, JsonValue] => [key, withKeysReversed(member)]);
  return Object.fromEntries(entries.toReversed());
}
