/** Owns the question whether a room takes guests. Specification: Client-Server API, "Guest Access". */
import { MatrixError } from '#matrix/error.ts';
import { leaveRoom } from '#rooms/change-membership.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { findHead, type KnownRoom } from '#storage/rooms/find-rooms.ts';

/** A room without the event takes none. */
export async function isOpenToGuests(parts: RoomReadParts, room: KnownRoom): Promise<boolean> {
  const head = await findHead(parts.database, room.roomNid);
  if (head === undefined) return false;
  const event = await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.guest_access', '');
  return event !== undefined && contentOf(event, room.version)['guest_access'] === 'can_join';
}

/** Throws M_GUEST_ACCESS_FORBIDDEN for a room that takes no guests. */
export async function requireOpenToGuests(parts: RoomReadParts, room: KnownRoom): Promise<void> {
  if (!(await isOpenToGuests(parts, room))) throw shutOut();
}

/** For a guest who has just joined. Throws M_GUEST_ACCESS_FORBIDDEN, and the guest is out again. */
export async function leaveUnlessOpen(parts: RoomWriteParts, guest: RoomUser, room: KnownRoom): Promise<void> {
  if (await isOpenToGuests(parts, room)) return;
  await leaveRoom(parts, { roomId: room.roomId, sender: guest });
  throw shutOut();
}

function shutOut(): MatrixError {
  return new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'This room takes no guests: register an account to join it.');
}
