/** Owns giving a room an alias on this server. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { isRoomAlias } from '#matrix/ids.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import { writeAlias } from '#storage/rooms/write-aliases.ts';

/**
 * For whoever is in the room, whatever their power: an alias says nothing in the room. M_INVALID_PARAM for what is no
 * alias of this server; M_UNKNOWN with status 409 if it is taken. Specification: Client-Server API, "Room aliases".
 */
export async function setAlias(
  parts: RoomReadParts & { readonly clock: Clock; readonly isLocal: (id: string) => boolean },
  request: { readonly user: RoomUser; readonly alias: string; readonly roomId: string },
): Promise<void> {
  const { user, alias, roomId } = request;
  if (!isRoomAlias(alias)) throw new MatrixError('M_INVALID_PARAM', `"${alias}" is not a room alias.`);
  if (!parts.isLocal(alias)) {
    throw new MatrixError('M_INVALID_PARAM', `${alias} is an alias of another server, which alone can give it away.`);
  }
  const { room } = await requireJoinedRoom(parts, user, roomId);
  const created = { alias, roomNid: room.roomNid, creatorNid: user.userNid, createdAt: parts.clock.now() };
  const isFree = await parts.database.transaction((tx) => writeAlias(tx, created));
  if (!isFree) throw new MatrixError('M_UNKNOWN', `The alias ${alias} exists already.`, { status: 409 });
}
