/** Owns which rooms of a sync are told how much is unread, and when that alone is news. */
import type { RoomUser } from '#rooms/room-parts.ts';
import type { RoomExtras } from '#sync/room-extras.ts';
import type { RoomPlan } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';
import type { SyncFilter } from '#sync/sync-filter.ts';
import type { UnreadCounts } from '#sync/unread/unread-counts.ts';
import { unreadJson } from '#sync/unread/unread-json.ts';

/** Gives every joined room of the answer its counts, as they are with the events of the same answer. */
export async function addUnread(
  unreadCounts: UnreadCounts,
  plans: readonly RoomPlan[],
  request: RoomUser & { readonly horizon: number; readonly filter: SyncFilter },
  extras: RoomExtras,
): Promise<void> {
  if (plans.length === 0) return;
  const counts = await unreadCounts.find(request, plans, request.horizon);
  const { unreadThreads } = request.filter.timeline;
  for (const [roomNid, count] of counts) extras.setUnread(roomNid, unreadJson(count, unreadThreads));
}

/** Marks the rooms in which the user has read on since, on whatever device. */
export function markRead(
  { streams: { userData } }: SyncParts,
  { since, userNid }: SyncWindow,
  plans: readonly RoomPlan[],
  extras: RoomExtras,
): void {
  const after = since?.[1];
  if (after === undefined || userData.horizon <= after) return;
  const mayHaveRead =
    userData.hasSince('privateReceipts', userNid, after) ||
    plans.some(({ roomNid }) => userData.hasSince('receipts', roomNid, after));
  if (!mayHaveRead) return;
  const planned = new Set(plans.map(({ roomNid }) => roomNid));
  for (const change of userData.since(after) ?? []) {
    const isReceipt = change.kind === 'receipts' || change.kind === 'privateReceipts';
    if (isReceipt && change.userNid === userNid && planned.has(change.roomNid)) extras.markRead(change.roomNid);
  }
}
