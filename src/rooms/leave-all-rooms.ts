/** Owns what becomes of a deactivated user's memberships: rooms are left, invitations rejected, knocks taken back. */
import { MatrixError } from '#matrix/error.ts';
import { leaveRoom } from '#rooms/residents/leave-room.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findRoomsOfUser } from '#storage/rooms/find-user-memberships.ts';
import { membershipCodes } from '#streams/event-fact.ts';

const ROOMS_PER_STEP = 50;
const { join, invite, knock } = membershipCodes;

/** Leaves up to fifty rooms whose numbers come after `afterNid`; gives the last one's, or undefined when none is left. */
export async function leaveSomeRooms(
  parts: ResidentParts,
  user: RoomUser,
  afterNid: number,
): Promise<number | undefined> {
  const page = { afterNid, limit: ROOMS_PER_STEP };
  const rooms = await findRoomsOfUser(parts.database, user.userNid, [join, invite, knock], page);
  await Promise.all(rooms.map(({ roomId }) => leave(parts, user, roomId)));
  return rooms.at(-1)?.roomNid;
}

async function leave(parts: ResidentParts, user: RoomUser, roomId: string): Promise<void> {
  try {
    await leaveRoom(parts, { roomId, sender: user });
  } catch (error) {
    // Somebody removed or banned the user meanwhile, or the room is gone: there is nothing left to leave.
    if (!(error instanceof MatrixError) || error.status >= 500) throw error;
  }
}
