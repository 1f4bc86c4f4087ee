/** Owns the check that what belongs to one user is not asked for by another. */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { isRoomId } from '#matrix/ids.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/** Throws M_FORBIDDEN unless the user of the path is the one who asks. */
export function requireOwn(userId: string, caller: { readonly userId: string }): void {
  if (userId !== caller.userId) throw new MatrixError('M_FORBIDDEN', 'This belongs to another user.');
}

/** The number of a room. Throws M_INVALID_PARAM for what is no room id, M_NOT_FOUND for a room that is not known here. */
export async function requireRoomNid(database: ReadTx, roomId: string): Promise<number> {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'This is not a room ID.');
  const room = await findRoom(database, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
  return room.roomNid;
}
