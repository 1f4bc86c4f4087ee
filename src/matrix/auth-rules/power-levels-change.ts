/** Owns the rules about changing `m.room.power_levels`: nobody grants or takes what is above their own level. */
import type { AuthEvent, JsonObject } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { checkPowerLevelsFormat, namedProperties } from '#matrix/auth-rules/power-levels-format.ts';
import { describeLevel, type RoomAuth } from '#matrix/auth-rules/room-auth.ts';
import type { RuleName } from '#matrix/auth-rules/rule-numbers.ts';
import { allowed, deny, type Denial, type Verdict } from '#matrix/auth-rules/verdict.ts';
import { levelAt, userPowerLevel } from '#matrix/power-levels.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

type Change = {
  readonly version: RoomVersion;
  readonly sender: string;
  readonly senderLevel: number;
};

/** One object of levels before and after; empty objects stand for absent ones. */
type Compared = { readonly current: JsonObject; readonly next: JsonObject };

/**
 * A level that is absent on one side is not compared there: its default is not put in its place. The specification's
 * text can be read both ways; deployed servers agree on this reading, and another one would split rooms.
 */
export function checkPowerLevels(event: AuthEvent, room: RoomAuth): Verdict {
  const malformed = checkPowerLevelsFormat(event.content, room);
  if (malformed !== undefined) return malformed;
  if (room.levels === undefined) return allowed;
  const { version } = room;
  const change: Change = { version, sender: event.sender, senderLevel: userPowerLevel(room, event.sender) };
  const contents: Compared = { current: room.levels, next: event.content };
  return checkNamed(contents, change) ?? checkEntries(contents, change) ?? checkUsers(contents, change) ?? allowed;
}

function checkNamed(contents: Compared, change: Change): Denial | undefined {
  for (const name of namedProperties) {
    if (!isChanged(contents, name, change)) continue;
    if (isCurrentAbove(contents, name, change)) return denyCurrent(change, 'powerLevels.namedChanged.current', name);
    if (isNewAbove(contents, name, change)) return denyNew(change, 'powerLevels.namedChanged.new', name);
  }
  return undefined;
}

function checkEntries(contents: Compared, change: Change): Denial | undefined {
  const maps = [mapsAt(contents, 'events')];
  if (change.version.notificationLevelsChecked) maps.push(mapsAt(contents, 'notifications'));
  for (const map of maps) {
    for (const key of Object.keys(map.current)) {
      if (isChanged(map, key, change) && isCurrentAbove(map, key, change)) {
        return denyCurrent(change, 'powerLevels.entryChanged.current', key);
      }
    }
  }
  for (const map of maps) {
    for (const key of Object.keys(map.next)) {
      if (isChanged(map, key, change) && isNewAbove(map, key, change)) {
        return denyNew(change, 'powerLevels.entryAdded.new', key);
      }
    }
  }
  return undefined;
}

function checkUsers(contents: Compared, change: Change): Denial | undefined {
  const users = mapsAt(contents, 'users');
  for (const userId of Object.keys(users.current)) {
    if (userId === change.sender || !isChanged(users, userId, change)) continue;
    const current = levelAt(users.current, userId, change.version);
    if (current !== undefined && current >= change.senderLevel) {
      return denyCurrent(change, 'powerLevels.userChanged.current', userId);
    }
  }
  for (const userId of Object.keys(users.next)) {
    if (isChanged(users, userId, change) && isNewAbove(users, userId, change)) {
      return denyNew(change, 'powerLevels.userAdded.new', userId);
    }
  }
  return undefined;
}

function mapsAt(contents: Compared, key: string): Compared {
  const current = ownValue(contents.current, key);
  const next = ownValue(contents.next, key);
  return { current: isJsonObject(current) ? current : {}, next: isJsonObject(next) ? next : {} };
}

/** Levels are compared as numbers: in versions that read strings, `"50"` in place of `50` is no change. */
function isChanged({ current, next }: Compared, key: string, { version }: Change): boolean {
  return !Object.is(levelAt(current, key, version), levelAt(next, key, version));
}

/** What is no level (NaN, possible before version 10) is not above anything, so that it can be repaired. */
function isCurrentAbove({ current }: Compared, key: string, { version, senderLevel }: Change): boolean {
  const level = levelAt(current, key, version);
  return level !== undefined && level > senderLevel;
}

/** What is no level is not within anybody's power. */
function isNewAbove({ next }: Compared, key: string, { version, senderLevel }: Change): boolean {
  const level = levelAt(next, key, version);
  return level !== undefined && !(level <= senderLevel);
}

function denyCurrent(change: Change, rule: RuleName, key: string): Denial {
  const own = describeLevel(change.senderLevel);
  return deny(change.version, rule, `${change.sender} has power level ${own}, too low to change that of "${key}".`);
}

function denyNew(change: Change, rule: RuleName, key: string): Denial {
  const own = describeLevel(change.senderLevel);
  return deny(
    change.version,
    rule,
    `${change.sender} has power level ${own} and cannot set a higher one for "${key}".`,
  );
}
