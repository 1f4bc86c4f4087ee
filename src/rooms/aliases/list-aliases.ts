/** Owns listing the aliases that this server has for a room. */
import { MatrixError } from '#matrix/error.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader } from '#rooms/room-reader.ts';
import { findAliasesOfRoom } from '#storage/rooms/find-aliases.ts';

const ALIASES_MAX = 1_000;

/** For whoever is in the room, or anybody if the world may read it. Specification: `GET /rooms/{roomId}/aliases`. */
export async function listAliases(parts: RoomReadParts, user: RoomUser, roomId: string): Promise<string[]> {
  const { room, kind } = await requireRoomReader(parts, user, roomId);
  if (kind === 'left') throw new MatrixError('M_FORBIDDEN', 'You are not in this room.');
  return findAliasesOfRoom(parts.database, room.roomNid, ALIASES_MAX);
}
