/** Owns the reading of power levels: of users, of event types and of the named actions. */
import type { AuthEvent, JsonObject, JsonValue } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { serverNameOf } from '#matrix/ids.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** What decides power in a room. */
export type RoomPower = {
  readonly version: RoomVersion;
  readonly create: Pick<AuthEvent, 'sender' | 'content'>;
  /** `content` of the current `m.room.power_levels`; undefined if the room has none. */
  readonly levels: JsonObject | undefined;
};

// Client-Server API, `m.room.power_levels`: the same whether the property or the whole event is absent.
const defaultLevels = {
  users_default: 0,
  events_default: 0,
  state_default: 50,
  ban: 50,
  kick: 50,
  redact: 50,
  invite: 0,
} as const;
const notificationLevelDefault = 50;
const creatorLevelWithoutPowerLevels = 100;
const integerText = /^\s*[+-]?[0-9]+\s*$/;

export type NamedLevel = keyof typeof defaultLevels;

/**
 * A level as this room version reads it, or NaN if it is not one. Versions before 10 also read strings that hold one
 * decimal integer, with sign, leading zeroes and white space around it; versions before 6 truncate floats.
 * Never infinite: what a double cannot hold is not a level, and infinity belongs to creators alone.
 * Specification: Room Versions 1, "`m.room.power_levels` events accept values as strings" and "… as floats".
 */
export function parsePowerLevel(value: JsonValue, version: RoomVersion): number {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value;
    return !version.canonicalJsonEnforced && Number.isFinite(value) ? truncate(value) : NaN;
  }
  if (version.integerPowerLevels || typeof value !== 'string' || !integerText.test(value)) return NaN;
  const level = Number(value);
  return Number.isFinite(level) ? truncate(level) : NaN;
}

/** Adding zero turns −0 into 0, so that levels can be compared with Object.is. */
function truncate(value: number): number {
  return Math.trunc(value) + 0;
}

/** The level under an own key: undefined if absent, NaN if it is not a level in this version. */
export function levelAt(levels: JsonObject, key: string, version: RoomVersion): number | undefined {
  const value = ownValue(levels, key);
  return value === undefined ? undefined : parsePowerLevel(value, version);
}

/** As `levelAt`, but what is not a level counts as absent: it may stand in events that older versions let pass. */
function findLevel(levels: JsonObject | undefined, key: string, version: RoomVersion): number | undefined {
  if (levels === undefined) return undefined;
  const level = levelAt(levels, key, version);
  return Number.isNaN(level) ? undefined : level;
}

function findMap(levels: JsonObject | undefined, key: string): JsonObject | undefined {
  const map = levels === undefined ? undefined : ownValue(levels, key);
  return isJsonObject(map) ? map : undefined;
}

/** The room's first creator: `content.creator` until version 10, the create event's sender since. */
export function roomCreator(version: RoomVersion, create: Pick<AuthEvent, 'sender' | 'content'>): string | undefined {
  if (!version.creatorInContent) return create.sender;
  const creator = ownValue(create.content, 'creator');
  return typeof creator === 'string' ? creator : undefined;
}

/** Whether this user has infinite power. Specification: Room Version 12, "Authorisation rules". */
export function isPrivilegedCreator(room: RoomPower, userId: string): boolean {
  if (!room.version.privilegedCreators) return false;
  if (room.create.sender === userId) return true;
  const additional = ownValue(room.create.content, 'additional_creators');
  return Array.isArray(additional) && additional.includes(userId);
}

/** The user's level; `Infinity` for the creators of a room of version 12. */
export function userPowerLevel(room: RoomPower, userId: string): number {
  if (isPrivilegedCreator(room, userId)) return Infinity;
  if (room.levels === undefined) {
    const isCreator = !room.version.privilegedCreators && userId === roomCreator(room.version, room.create);
    return isCreator ? creatorLevelWithoutPowerLevels : defaultLevels.users_default;
  }
  return findLevel(findMap(room.levels, 'users'), userId, room.version) ?? namedLevel(room, 'users_default');
}

/** The "required power level" of an event type. Not for `m.room.member`, which has its own rules. */
export function eventPowerLevel(room: RoomPower, type: string, isState: boolean): number {
  const level = findLevel(findMap(room.levels, 'events'), type, room.version);
  return level ?? namedLevel(room, isState ? 'state_default' : 'events_default');
}

/** The level of a named action or default, such as the "kick level". */
export function namedLevel(room: RoomPower, name: NamedLevel): number {
  return findLevel(room.levels, name, room.version) ?? defaultLevels[name];
}

/** The level needed to trigger a kind of notification, such as `room`. Client-Server API, `m.room.power_levels`. */
export function notificationLevel(room: RoomPower, key: string): number {
  return findLevel(findMap(room.levels, 'notifications'), key, room.version) ?? notificationLevelDefault;
}

/**
 * Whether a redaction takes effect on an event. In versions 1 and 2 an auth rule decides instead, once and for all.
 * Specification: Room Version 3, "Handling redactions".
 */
export function canRedact(room: RoomPower, redactionSender: string, originalSender: string): boolean {
  if (userPowerLevel(room, redactionSender) >= namedLevel(room, 'redact')) return true;
  const server = serverNameOf(redactionSender);
  return server !== undefined && server === serverNameOf(originalSender);
}
