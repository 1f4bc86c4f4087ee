/** Owns what an event keeps when it is redacted. Every signature and most event ids depend on it. */
import { canonicalJsonOfOldVersions } from '#matrix/canonical-json.ts';
import { parseJsonExactly } from '#matrix/parse-json.ts';
import type { ExactJsonObject, ExactJsonValue, JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

const keptKeys = [
  'auth_events',
  'content',
  'depth',
  'event_id',
  'hashes',
  'origin_server_ts',
  'prev_events',
  'room_id',
  'sender',
  'signatures',
  'state_key',
  'type',
];
const keptKeysBeforeVersion11 = [...keptKeys, 'membership', 'origin', 'prev_state'];

const powerLevelKeys = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'];
const powerLevelKeysOfVersion11 = [...powerLevelKeys, 'invite'];

/**
 * The redacted copy of an event: `unsigned` goes, `hashes` and `signatures` stay. What stays is shared with the event
 * given. Bigints may stand for integers of room versions 1 to 5.
 * Specification: "Redactions" of each room version.
 */
export function redact(event: ExactJsonObject, version: RoomVersion): ExactJsonObject {
  const kept = pick(event, version.redactionOfVersion11 ? keptKeys : keptKeysBeforeVersion11);
  const { type, content } = event;
  if (typeof type === 'string' && isObject(content)) kept['content'] = redactContent(type, content, version);
  return kept;
}

/** The canonical text of the redacted event, from the canonical text of the event as it is stored. */
export function redactJson(json: string, version: RoomVersion): string {
  // The exact way is several times slower, and needed only where canonical JSON was not enforced.
  const event: ExactJsonValue = version.canonicalJsonEnforced ? JSON.parse(json) : parseJsonExactly(json);
  if (!isObject(event)) throw new TypeError('An event is a JSON object.');
  return canonicalJsonOfOldVersions(redact(event, version));
}

/** The part of the content that a redaction leaves. */
export function redactContent(type: string, content: JsonObject, version: RoomVersion): JsonObject;
export function redactContent(type: string, content: ExactJsonObject, version: RoomVersion): ExactJsonObject;
export function redactContent(type: string, content: ExactJsonObject, version: RoomVersion): ExactJsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, version);
    case 'm.room.create':
      return version.redactionOfVersion11 ? content : pick(content, ['creator']);
    case 'm.room.join_rules':
      return pick(content, version.redactionKeepsAllow ? ['join_rule', 'allow'] : ['join_rule']);
    case 'm.room.power_levels':
      return pick(content, version.redactionOfVersion11 ? powerLevelKeysOfVersion11 : powerLevelKeys);
    case 'm.room.aliases':
      return version.aliasesSpecialCased ? pick(content, ['aliases']) : {};
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility']);
    case 'm.room.redaction':
      return version.redactionOfVersion11 ? pick(content, ['redacts']) : {};
    default:
      return {};
  }
}

function redactMember(content: ExactJsonObject, version: RoomVersion): ExactJsonObject {
  const keys = version.redactionKeepsAuthorisingUser
    ? ['membership', 'join_authorised_via_users_server']
    : ['membership'];
  const kept = pick(content, keys);
  const invite = content['third_party_invite'];
  // The key itself stays, with nothing but `signed` in it, as the page of version 11 says to clients.
  if (version.redactionOfVersion11 && isObject(invite)) kept['third_party_invite'] = pick(invite, ['signed']);
  return kept;
}

function pick(object: ExactJsonObject, keys: readonly string[]): ExactJsonObject {
  const picked: ExactJsonObject = {};
  for (const key of keys) {
    const value = object[key];
    if (value !== undefined) picked[key] = value;
  }
  return picked;
}

function isObject(value: ExactJsonValue | undefined): value is ExactJsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
