/** Owns the question which other servers a room answers. */
import { MatrixError } from '#matrix/error.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findServerAcl } from '#rooms/serve/find-server-acl.ts';
import { isServerInRoom } from '#storage/rooms/find-room-servers.ts';
import { doubtRoom, findHead, findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

/** A room that answers a server, with its state now; `isPartial` as `RoomHead` has it. */
export type ServedRoom = { readonly room: KnownRoom; readonly root: StateRoot; readonly isPartial: boolean };

/**
 * The room, if its access list lets the server take part, whether or not it does. Throws M_NOT_FOUND for a room that is
 * not here and M_FORBIDDEN for a server that is shut out. Specification: Server-Server API, "Server Access Control Lists".
 */
export async function requireServerAllowed(parts: RoomReadParts, roomId: string, origin: string): Promise<ServedRoom> {
  const served = await findServedRoom(parts, roomId);
  if (served === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
  if (!(await isAllowed(parts, served, origin))) throw shutOut();
  return served;
}

/**
 * The room, if the server is in it and not shut out. Throws M_FORBIDDEN, in the same words for a room that is not here:
 * who is not in a room does not learn whether it exists.
 */
export async function requireServerInRoom(parts: RoomReadParts, roomId: string, origin: string): Promise<ServedRoom> {
  const served = await findServedRoom(parts, roomId);
  if (served === undefined || !(await isServerInRoom(parts.database, served.room.roomNid, origin))) {
    throw new MatrixError('M_FORBIDDEN', 'Your server is not in this room.');
  }
  if (!(await isAllowed(parts, served, origin))) throw shutOut();
  return served;
}

async function findServedRoom({ database }: RoomReadParts, roomId: string): Promise<ServedRoom | undefined> {
  const room = roomId.includes('\0') ? undefined : await findRoom(database, roomId);
  if (room === undefined) return undefined;
  const head = await findHead(database, room.roomNid);
  if (head !== undefined) return { room, root: head.stateRoot, isPartial: head.isPartial };
  doubtRoom(database, roomId);
  return undefined;
}

async function isAllowed(parts: RoomReadParts, { room, root }: ServedRoom, origin: string): Promise<boolean> {
  const acl = await findServerAcl(parts, room, root);
  return acl === undefined || acl(origin);
}

function shutOut(): MatrixError {
  return new MatrixError('M_FORBIDDEN', "The room's access control list shuts your server out.");
}
