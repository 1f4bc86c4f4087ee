/** Owns the end of guests' memberships in a room that takes guests no more. Specification: "Guest Access". */
import { MatrixError } from '#matrix/error.ts';
import { leaveRoom } from '#rooms/change-membership.ts';
import { isOpenToGuests } from '#rooms/guests/open-to-guests.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { findJoinedGuests } from '#storage/rooms/find-joined-users.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

const GUESTS_PER_STEP = 50;
const reason = 'This room takes no guests any more.';

/** What is left to do, as `work_items` holds it. */
export type GuestRemovalPayload = {
  readonly roomId: string;
  /** Guests up to this number have left. */
  readonly afterNid: number;
};

/** Has up to fifty guests leave; gives the last one's number, or undefined when none is left or the room is open again. */
export async function removeSomeGuests(
  parts: RoomWriteParts,
  { roomId, afterNid }: GuestRemovalPayload,
): Promise<number | undefined> {
  const room = await findRoom(parts.database, roomId);
  if (room === undefined || (await isOpenToGuests(parts, room))) return undefined;
  const guests = await findJoinedGuests(parts.database, room.roomNid, { afterNid, limit: GUESTS_PER_STEP });
  await Promise.all(guests.map((guest) => leave(parts, guest, roomId)));
  return guests.at(-1)?.userNid;
}

async function leave(parts: RoomWriteParts, guest: RoomUser, roomId: string): Promise<void> {
  try {
    await leaveRoom(parts, { roomId, sender: guest, reason });
  } catch (error) {
    // Somebody removed or banned the guest meanwhile.
    if (!(error instanceof MatrixError) || error.status >= 500) throw error;
  }
}
