/** Owns gathering all sections of a sync's answer. */
import { collectAccountData } from '#sync/account-data.ts';
import { collectRooms } from '#sync/collect-rooms.ts';
import type { Sections } from '#sync/present.ts';
import { RoomExtras } from '#sync/room-extras.ts';
import { findSkeleton } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';
import type { UserRoomsAt } from '#sync/user-rooms.ts';

/** The sections of the answer; undefined if nothing is new. */
export async function collectSections(
  parts: SyncParts,
  window: SyncWindow,
  at: UserRoomsAt,
): Promise<Sections | undefined> {
  const { database, streams } = parts;
  const ignored = await parts.ignoredUsers.find(window.userNid);
  const request = { ...window, since: window.since?.[0], horizon: window.horizons[0], ignored };
  const skeleton = await findSkeleton({ database, stream: streams.events }, request, at);
  const extras = new RoomExtras();
  const accountData = await collectAccountData(parts, window, skeleton.plans, extras);
  const rooms = await collectRooms(parts, request, skeleton, extras);
  const { join, invite, leave, knock } = rooms;
  const count = join.size + invite.size + leave.size + knock.size + accountData.length;
  return count === 0 ? undefined : { rooms, accountData };
}
