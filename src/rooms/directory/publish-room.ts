/** Owns which rooms the directory of this server lists. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { eventPowerLevel, userPowerLevel } from '#matrix/power-levels.ts';
import { findRoomPower } from '#rooms/find-room-power.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import type { ReadTx } from '#storage/database.ts';
import { findIsListed } from '#storage/rooms/find-published.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { removePublished, writePublished } from '#storage/rooms/write-published.ts';

export type DirectoryVisibility = 'public' | 'private';

/** Throws M_NOT_FOUND for a room that is not here. */
export async function findDirectoryVisibility(
  parts: { readonly database: ReadTx },
  roomId: string,
): Promise<DirectoryVisibility> {
  const room = await requireKnownRoom(parts, roomId);
  return (await findIsListed(parts.database, room.roomNid)) ? 'public' : 'private';
}

/**
 * For members who have the power to say which alias the room goes by: to be listed makes a room as well known.
 * M_NOT_FOUND, M_FORBIDDEN. Specification: Client-Server API, "Published room directory".
 */
export async function setDirectoryVisibility(
  parts: RoomReadParts & { readonly clock: Clock },
  request: { readonly user: RoomUser; readonly roomId: string; readonly visibility: DirectoryVisibility },
): Promise<void> {
  const { user, roomId, visibility } = request;
  const { roomNid } = await requireKnownRoom(parts, roomId);
  const { room, root } = await requireJoinedRoom(parts, user, roomId);
  const power = await findRoomPower(parts, room, root);
  if (userPowerLevel(power, user.userId) < eventPowerLevel(power, 'm.room.canonical_alias', true)) {
    throw new MatrixError('M_FORBIDDEN', 'You have not the power to list this room, or to take it off the list.');
  }
  await parts.database.transaction(async (tx) => {
    if (visibility === 'public') await writePublished(tx, roomNid, parts.clock.now());
    else await removePublished(tx, roomNid);
  });
}

async function requireKnownRoom({ database }: { readonly database: ReadTx }, roomId: string): Promise<KnownRoom> {
  const room = await findRoom(database, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  return room;
}
