/** Owns the question whether events of a room are taken from a server at all. */
import { MatrixError } from '#matrix/error.ts';
import { joinsSettled } from '#rooms/residents/joins-under-way.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { requireServerInRoom, type ServedRoom } from '#rooms/serve/require-server.ts';
import { findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';

/** How long events of a room that is being entered wait. */
const JOIN_MS = 10_000;

/** `room` is there too where the gate is shut, if the room is known: its version makes the ids of the events. */
export type RoomGate = {
  readonly room: KnownRoom | undefined;
} & (
  | { readonly isOpen: true; readonly served: ServedRoom }
  /** With a sentence for the other server. */
  | { readonly isOpen: false; readonly refusal: string }
);

/**
 * Taken are events of rooms that both servers are in, unless the room's access list shuts the other one out.
 * Specification: Server-Server API, "Server Access Control Lists".
 */
export async function findRoomGate(parts: RoomReadParts, roomId: string, origin: string): Promise<RoomGate> {
  let { room, isHere } = await findOwnPlace(parts, roomId);
  if (!isHere) {
    // The other server knows of a join before its answer has been worked through here.
    await joinsSettled(parts.database, roomId, JOIN_MS);
    ({ room, isHere } = await findOwnPlace(parts, roomId));
  }
  // In the same words, whether the room is unknown or only left.
  if (!isHere || room === undefined) return { room, isOpen: false, refusal: 'This server is not in the room.' };
  try {
    return { room, isOpen: true, served: await requireServerInRoom(parts, roomId, origin) };
  } catch (error) {
    if (error instanceof MatrixError && error.status < 500) return { room, isOpen: false, refusal: error.message };
    throw error;
  }
}

async function findOwnPlace(
  { database }: Pick<RoomReadParts, 'database'>,
  roomId: string,
): Promise<{ readonly room: KnownRoom | undefined; readonly isHere: boolean }> {
  const room = roomId.includes('\0') ? undefined : await findRoom(database, roomId);
  return { room, isHere: room !== undefined && (await findJoinedUsers(database, room.roomNid, 1)).length > 0 };
}
