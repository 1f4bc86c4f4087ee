/** Owns carrying a changed display name or avatar into the rooms of its user, as member events. */
import { MatrixError } from '#matrix/error.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { findLocalUsers, type LocalUser } from '#storage/rooms/find-local-users.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';
import { findRoomsOfUser } from '#storage/rooms/find-user-memberships.ts';
import { membershipCodes } from '#streams/event-fact.ts';

const ROOMS_PER_STEP = 50;

/**
 * Tells up to fifty joined rooms whose numbers come after `afterNid`; gives the last one's, or undefined when none is
 * left. Rooms that have the profile as it is now get no event, so a step may be repeated.
 * Specification: Client-Server API, "Events on Change of Profile Information".
 */
export async function propagateProfile(
  parts: RoomWriteParts,
  { userId, userNid }: RoomUser,
  afterNid: number,
): Promise<number | undefined> {
  const { database } = parts;
  const page = { afterNid, limit: ROOMS_PER_STEP };
  const rooms = await findRoomsOfUser(database, userNid, [membershipCodes.join], page);
  const user = (await findLocalUsers(database, [userId])).get(userId);
  // Deactivated meanwhile: the rooms are being left.
  if (user === undefined) return undefined;
  await Promise.all(rooms.map(({ roomId }) => tellRoom(parts, roomId, user)));
  return rooms.at(-1)?.roomNid;
}

async function tellRoom(parts: RoomWriteParts, roomId: string, user: LocalUser): Promise<void> {
  const { userId } = user;
  const room = await findRoom(parts.database, roomId);
  const head = room === undefined ? undefined : await findHead(parts.database, room.roomNid);
  if (room === undefined || head === undefined) return;
  const member = await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.member', userId);
  const current = member === undefined ? undefined : contentOf(member, room.version);
  const content = buildMemberContent('join', user);
  const isTold =
    current?.['displayname'] === content['displayname'] && current?.['avatar_url'] === content['avatar_url'];
  if (current?.['membership'] !== 'join' || isTold) return;
  try {
    const event = { sender: userId, type: 'm.room.member', state_key: userId, content };
    await parts.persistEvents({ room: { roomId }, events: [event] });
  } catch (error) {
    // Whoever was removed from the room meanwhile may not speak in it, and need not.
    if (!(error instanceof MatrixError) || error.status >= 500) throw error;
  }
}
