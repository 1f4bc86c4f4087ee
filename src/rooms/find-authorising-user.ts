/** Owns the question whether somebody may join a restricted room, and by which member's power. */
import { allowedRoomsOf } from '#matrix/join-rules.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { namedLevel, userPowerLevel } from '#matrix/power-levels.ts';
import { contentOf, findMembershipInState, findStateEvent } from '#rooms/find-room-state.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findJoinedAmong, findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { findHead, findMembership, findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/** Members of no particular power that are looked at when anybody may invite. */
const CANDIDATES_MAX = 20;

/** A user of any server; the number of a local one says what they are to rooms without their state. */
export type JoiningUser = { readonly userId: string; readonly userNid?: number };

/** Whether a restricted room lets a user in, and by whose word. Codes are those of the federation's `make_join`. */
export type RestrictedJoin =
  | { readonly kind: 'not-restricted' }
  | { readonly kind: 'authorised'; readonly userId: string }
  | {
      readonly kind: 'refused';
      readonly errcode: 'M_FORBIDDEN' | 'M_UNABLE_TO_AUTHORISE_JOIN' | 'M_UNABLE_TO_GRANT_JOIN';
      readonly reason: string;
    };

/**
 * A joined user of this server who may invite, if the room is restricted and the user fulfils one of its conditions.
 * Specification: Client-Server API, `m.room.join_rules`, "Restricted rooms"; Room Version 8; Server-Server API,
 * `GET /make_join`, 400 and 403.
 */
export async function checkRestrictedJoin(
  parts: RoomReadParts & { readonly isLocal: (id: string) => boolean },
  user: JoiningUser,
  room: KnownRoom,
): Promise<RestrictedJoin> {
  const head = await findHead(parts.database, room.roomNid);
  if (head === undefined || !room.version.restrictedJoins) return { kind: 'not-restricted' };
  const event = await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.join_rules', '');
  const rules = event === undefined ? {} : contentOf(event, room.version);
  const isRestricted = rules['join_rule'] === 'restricted';
  if (!isRestricted && !(rules['join_rule'] === 'knock_restricted' && room.version.knockRestricted)) {
    return { kind: 'not-restricted' };
  }
  const allow = await checkAllowList(parts, user, rules['allow']);
  if (allow === 'unknown') {
    const reason = 'Whether you are in one of the rooms whose members may join is not known on this server.';
    return { kind: 'refused', errcode: 'M_UNABLE_TO_AUTHORISE_JOIN', reason };
  }
  if (allow === 'no') {
    const reason = 'You are in none of the rooms whose members may join, and not invited.';
    return { kind: 'refused', errcode: 'M_FORBIDDEN', reason };
  }
  const userId = await findInviter(parts, room, head.stateRoot);
  if (userId !== undefined) return { kind: 'authorised', userId };
  const reason = 'Nobody in this room who could let you in is on this server.';
  return { kind: 'refused', errcode: 'M_UNABLE_TO_GRANT_JOIN', reason };
}

async function findInviter(
  parts: RoomReadParts & { readonly isLocal: (id: string) => boolean },
  room: KnownRoom,
  root: StateRoot,
): Promise<string | undefined> {
  const power = await findRoomPower(parts, room, root);
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

/** `unknown`: none of the rooms that are here fulfils it, and others are not here. */
async function checkAllowList(
  parts: RoomReadParts,
  user: JoiningUser,
  allow: unknown,
): Promise<'yes' | 'no' | 'unknown'> {
  let isUnknown = false;
  for (const roomId of allowedRoomsOf(allow)) {
    const room = await findRoom(parts.database, roomId);
    // Of a room that all users of this server have left nothing is known any more.
    if (room === undefined || (await findJoinedUsers(parts.database, room.roomNid, 1)).length === 0) isUnknown = true;
    else {
      const joined = await checkJoined(parts, user, room);
      if (joined === 'yes') return 'yes';
      if (joined === 'unknown') isUnknown = true;
    }
  }
  return isUnknown ? 'unknown' : 'no';
}

/** `unknown`: not all of the room's members are known. */
async function checkJoined(
  parts: RoomReadParts,
  { userId, userNid }: JoiningUser,
  room: KnownRoom,
): Promise<'yes' | 'no' | 'unknown'> {
  if (userNid !== undefined) {
    const own = await findMembership(parts.database, userNid, room.roomNid);
    return own?.membership === membershipCodes.join ? 'yes' : 'no';
  }
  const head = await findHead(parts.database, room.roomNid);
  if (head === undefined) return 'no';
  const membership = await findMembershipInState(parts, room, head.stateRoot, userId);
  if (membership === undefined && head.isPartial) return 'unknown';
  return membership === 'join' ? 'yes' : 'no';
}
