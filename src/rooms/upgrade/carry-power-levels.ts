/** Owns what the power levels of a room become in the room that replaces it. */
import type { JsonObject, JsonValue } from '#matrix/pdu.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { parsePowerLevel, userPowerLevel, type RoomPower } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** What a creator has where creators are listed. */
const creatorLevel = 100;
/** What a tombstone takes at least where creators stand above all levels. Client-Server API, `POST /createRoom`. */
const tombstoneLevel = 150;

const named = ['users_default', 'events_default', 'state_default', 'ban', 'redact', 'kick', 'invite'];
const maps = ['users', 'events', 'notifications'];

/**
 * The content in the form of the new version: numbers written as text become numbers, creators of the new room are not
 * listed where that is forbidden, and those of the old room are where they have to be.
 */
export function carryPowerLevels(
  old: RoomPower,
  version: RoomVersion,
  creators: readonly string[],
): JsonObject & { readonly users: JsonObject } {
  const content = old.levels ?? {};
  const carried: JsonObject = {};
  for (const [key, value] of Object.entries(content)) {
    if (named.includes(key)) Object.assign(carried, levelEntry(key, value, old.version));
    else if (maps.includes(key)) carried[key] = levelMap(value, old.version);
    else carried[key] = value;
  }
  const users = isJsonObject(carried['users']) ? carried['users'] : {};
  if (version.privilegedCreators) {
    for (const creator of creators) delete users[creator];
    const events = isJsonObject(carried['events']) ? carried['events'] : {};
    return { ...carried, users, events: { ...events, 'm.room.tombstone': tombstoneIn(carried, events, old) } };
  }
  for (const creator of oldCreators(old)) users[creator] ??= creatorLevel;
  for (const creator of creators) {
    const level = userPowerLevel(old, creator);
    users[creator] = Number.isFinite(level) ? level : Number(users[creator] ?? creatorLevel);
  }
  return { ...carried, users };
}

/** More than `state_default`, as versions with privileged creators demand; what the old room said stands if it is. */
function tombstoneIn(levels: JsonObject, events: JsonObject, old: RoomPower): number {
  const level = Number(events['m.room.tombstone'] ?? 0);
  const least = Number(levels['state_default'] ?? 50) + 1;
  if (old.version.privilegedCreators && level >= least) return level;
  return Math.max(tombstoneLevel, least, level);
}

/** The creators whose power the old room's levels do not list. */
function oldCreators({ version, create }: RoomPower): readonly string[] {
  if (!version.privilegedCreators) return [];
  const additional = create.content['additional_creators'];
  return [create.sender, ...(Array.isArray(additional) ? additional.filter((id) => typeof id === 'string') : [])];
}

/** The highest level that anybody has or that anything takes. */
export function highestLevel(levels: JsonObject): number {
  const values = Object.values(levels).flatMap((value) => (isJsonObject(value) ? Object.values(value) : [value]));
  return Math.max(creatorLevel, ...values.filter((value) => typeof value === 'number'));
}

function levelMap(value: JsonValue, version: RoomVersion): JsonObject {
  if (!isJsonObject(value)) return {};
  return Object.assign({}, ...Object.entries(value).map(([key, level]) => levelEntry(key, level, version)));
}

/** Nothing for what is no level. */
function levelEntry(key: string, value: JsonValue, version: RoomVersion): JsonObject {
  const level = parsePowerLevel(value, version);
  return Number.isSafeInteger(level) ? { [key]: level } : {};
}
