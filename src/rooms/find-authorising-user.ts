/** Owns finding the member by whose power somebody may join a restricted room. */
import { isJsonObject } from '#matrix/pdu-format.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findJoinedAmong, findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { findHead, findMembership, findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/** Rooms of the `allow` list that are looked at. */
const ALLOWED_ROOMS_MAX = 50;
/** Members of no particular power that are looked at when anybody may invite. */
const CANDIDATES_MAX = 20;

/**
 * A joined user of this server who may invite, if the room is restricted and the user fulfils one of its conditions.
 * Specification: Client-Server API, `m.room.join_rules`, "Restricted rooms"; Room Version 8.
 */
export async function findAuthorisingUser(
  parts: RoomReadParts & { readonly isLocal: (id: string) => boolean },
  user: RoomUser,
  room: KnownRoom,
): Promise<string | undefined> {
  const head = await findHead(parts.database, room.roomNid);
  if (head === undefined || !room.version.restrictedJoins) return undefined;
  const event = await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.join_rules', '');
  const rules = event === undefined ? {} : contentOf(event, room.version);
  if (rules['join_rule'] !== 'restricted' && rules['join_rule'] !== 'knock_restricted') return undefined;
  if (!(await isAllowed(parts, user, rules['allow']))) return undefined;
  const power = await findRoomPower(parts, room, head.stateRoot);
  const mayInvite = (userId: string): boolean => userPowerLevel(power, userId) >= namedLevel(power, 'invite');
  const additional = power.create.content['additional_creators'];
  const users = power.levels?.['users'];
  const named = [
    power.create.sender,
    ...(Array.isArray(additional) ? additional.filter((id) => typeof id === 'string') : []),
    ...(isJsonObject(users) ? Object.keys(users) : []),
  ].filter((userId) => parts.isLocal(userId) && mayInvite(userId));
  const [powerful] = await findJoinedAmong(parts.database, room.roomNid, named);
  if (powerful !== undefined) return powerful;
  return (await findJoinedUsers(parts.database, room.roomNid, CANDIDATES_MAX)).find(mayInvite);
}

async function isAllowed(parts: RoomReadParts, user: RoomUser, allow: unknown): Promise<boolean> {
  if (!Array.isArray(allow)) return false;
  const conditions: readonly unknown[] = allow.slice(0, ALLOWED_ROOMS_MAX);
  for (const condition of conditions) {
    const roomId = allowedRoomOf(condition);
    const room = roomId === undefined ? undefined : await findRoom(parts.database, roomId);
    if (room === undefined) continue;
    const own = await findMembership(parts.database, user.userNid, room.roomNid);
    if (own?.membership === membershipCodes.join) return true;
  }
  return false;
}

function allowedRoomOf(condition: unknown): string | undefined {
  if (typeof condition !== 'object' || condition === null) return undefined;
  if (!('type' in condition) || condition.type !== 'm.room_membership') return undefined;
  return 'room_id' in condition && typeof condition.room_id === 'string' ? condition.room_id : undefined;
}
