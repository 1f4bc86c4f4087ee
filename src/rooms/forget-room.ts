/** Owns forgetting a room that one has left. */
import { MatrixError } from '#matrix/error.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { Database } from '#storage/database.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { writeForgotten } from '#storage/rooms/forget-room.ts';

/** Specification: Client-Server API, "Leaving rooms". M_UNKNOWN with status 400 unless the user has left. */
export async function forgetRoom(
  parts: { readonly database: Database },
  user: RoomUser,
  roomId: string,
): Promise<void> {
  const room = await findRoom(parts.database, roomId);
  const isForgotten =
    room !== undefined && (await parts.database.transaction((tx) => writeForgotten(tx, user.userNid, room.roomNid)));
  if (!isForgotten) {
    throw new MatrixError('M_UNKNOWN', 'You can forget only a room that you have left.', { status: 400 });
  }
}
