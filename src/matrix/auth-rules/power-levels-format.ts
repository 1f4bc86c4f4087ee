/** Owns the rules about the form of `m.room.power_levels`, before any comparison with the room's current levels. */
import type { JsonObject } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import { isUserId } from '#matrix/ids.ts';
import { deny, type Denial } from '#matrix/auth-rules/verdict.ts';
import { isPrivilegedCreator, levelAt } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

export const namedProperties = [
  'users_default',
  'events_default',
  'state_default',
  'ban',
  'redact',
  'kick',
  'invite',
] as const;

export function checkPowerLevelsFormat(content: JsonObject, room: RoomAuth): Denial | undefined {
  const { version } = room;
  return (
    (version.integerPowerLevels ? checkIntegers(content, version) : checkFinite(content, version)) ??
    checkUsers(content, version) ??
    checkCreators(content, room)
  );
}

/** From version 10: every level outside `users` is an integer. */
function checkIntegers(content: JsonObject, version: RoomVersion): Denial | undefined {
  for (const name of namedProperties) {
    if (Number.isNaN(levelAt(content, name, version))) {
      return deny(version, 'powerLevels.named', `The power level "${name}" must be an integer.`);
    }
  }
  for (const name of ['events', 'notifications']) {
    const map = ownValue(content, name);
    if (map === undefined) continue;
    if (!isJsonObject(map) || Object.keys(map).some((key) => Number.isNaN(levelAt(map, key, version)))) {
      return deny(version, 'powerLevels.maps', `"${name}" must be an object of integer power levels.`);
    }
  }
  return undefined;
}

/**
 * Before version 10 other forms pass here, and are judged only when they change; but a float that a double cannot hold
 * makes the event invalid. That sentence has no number, so the number of the rule about the form of `users` is given.
 */
function checkFinite(content: JsonObject, version: RoomVersion): Denial | undefined {
  const named = namedProperties.map((name) => ownValue(content, name));
  const maps = [ownValue(content, 'events'), ownValue(content, 'notifications')].filter(isJsonObject);
  const levels = [...named, ...maps.flatMap((map) => Object.values(map))];
  if (!levels.some((level) => typeof level === 'number' && !Number.isFinite(level))) return undefined;
  return deny(version, 'powerLevels.users', 'A power level is outside the range of numbers.');
}

/** `users` is optional by the event's schema, although the rule does not say so. */
function checkUsers(content: JsonObject, version: RoomVersion): Denial | undefined {
  const users = ownValue(content, 'users');
  if (users === undefined) return undefined;
  if (!isJsonObject(users)) return deny(version, 'powerLevels.users', '"users" must be an object.');
  for (const userId of Object.keys(users)) {
    if (!isUserId(userId)) {
      return deny(version, 'powerLevels.users', `"users" names ${userId}, which is not a user id.`);
    }
    if (Number.isNaN(levelAt(users, userId, version))) {
      return deny(version, 'powerLevels.users', `The power level of ${userId} must be an integer.`);
    }
  }
  return undefined;
}

/** From version 12: the power of creators is infinite and is not written down. */
function checkCreators(content: JsonObject, room: RoomAuth): Denial | undefined {
  const users = ownValue(content, 'users');
  if (!room.version.privilegedCreators || !isJsonObject(users)) return undefined;
  const creator = Object.keys(users).find((userId) => isPrivilegedCreator(room, userId));
  if (creator === undefined) return undefined;
  const reason = `${creator} created this room, so its power level cannot be set.`;
  return deny(room.version, 'powerLevels.creators', reason);
}
