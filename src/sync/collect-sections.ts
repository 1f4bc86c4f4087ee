/** Owns gathering all sections of a sync's answer. */
import { collectRooms } from '#sync/collect-rooms.ts';
import type { Sections } from '#sync/present.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';
import type { UserRoomsAt } from '#sync/user-rooms.ts';

/** The sections of the answer; undefined if nothing is new. */
export async function collectSections(
  parts: SyncParts,
  window: SyncWindow,
  at: UserRoomsAt,
): Promise<Sections | undefined> {
  const rooms = await collectRooms(parts, window, at);
  const { join, invite, leave, knock } = rooms;
  return join.size + invite.size + leave.size + knock.size === 0 ? undefined : { rooms };
}
