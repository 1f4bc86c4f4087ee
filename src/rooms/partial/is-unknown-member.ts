/** Owns the question whether a room that lacks members may lack a certain one. */
import { findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findHead } from '#storage/rooms/find-rooms.ts';

/** False in every room whose state is complete: who has no entry there is not in it. */
export async function isUnknownMember(parts: RoomReadParts, roomNid: number, userId: string): Promise<boolean> {
  const head = await findHead(parts.database, roomNid);
  if (head?.isPartial !== true) return false;
  return (await findStateEvent(parts, roomNid, head.stateRoot, 'm.room.member', userId)) === undefined;
}
