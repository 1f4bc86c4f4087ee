/** Owns gathering all sections of a sync's answer. */
import { collectAccountData } from '#sync/account-data.ts';
import { collectRooms } from '#sync/collect-rooms.ts';
import { findDeviceLists, type DeviceLists } from '#sync/device-lists.ts';
import { formatSyncToken } from '#streams/sync-token.ts';
import { collectPresence } from '#sync/presence.ts';
import type { Sections } from '#sync/present.ts';
import { addReceipts } from '#sync/receipts.ts';
import { RoomExtras } from '#sync/room-extras.ts';
import { findSkeleton } from '#sync/skeleton.ts';
import type { SyncParts, SyncWindow } from '#sync/sync-request.ts';
import { markRead } from '#sync/unread/add-unread.ts';
import { collectToDevice } from '#sync/to-device.ts';
import { addTyping } from '#sync/typing.ts';
import type { UserRoomsAt } from '#sync/user-rooms.ts';

/** The sections of the answer; undefined if nothing is new. */
export async function collectSections(
  parts: SyncParts,
  window: SyncWindow,
  at: UserRoomsAt,
): Promise<Sections | undefined> {
  const { database, streams } = parts;
  const ignored = await parts.ignoredUsers.find(window.userNid);
  const endToken = formatSyncToken({ epoch: streams.epoch, positions: window.horizons });
  const dataSpan = { since: window.since?.[1], horizon: window.horizons[1] };
  const request = { ...window, since: window.since?.[0], horizon: window.horizons[0], dataSpan, ignored, endToken };
  const skeleton = await findSkeleton({ database, stream: streams.events }, request, at);
  const extras = new RoomExtras();
  const accountData = await collectAccountData(parts, window, skeleton.plans, extras);
  await addReceipts(parts, window, skeleton.plans, extras);
  await addTyping(parts, window, skeleton.plans, extras);
  markRead(parts, window, skeleton.plans, extras);
  const rooms = await collectRooms(parts, request, skeleton, extras);
  const presence = await collectPresence(parts, { ...window, ignored }, skeleton.plans, at);
  const toDevice = await collectToDevice(parts, window);
  const deviceLists = await collectDeviceLists(parts, window, at);
  const { join, invite, leave, knock } = rooms;
  const roomCount = join.size + invite.size + leave.size + knock.size;
  const hasOthers = accountData.length + presence.length + toDevice.events.length > 0 || deviceLists !== undefined;
  return roomCount > 0 || hasOthers || hasOtherKeys(parts, window)
    ? { rooms, accountData, presence, toDevice, deviceLists }
    : undefined;
}

async function collectDeviceLists(
  parts: SyncParts,
  { userNid, userId, since, horizons }: SyncWindow,
  at: UserRoomsAt,
): Promise<DeviceLists | undefined> {
  if (since === undefined) return undefined;
  const lists = await findDeviceLists(parts, { userNid, userId, since, upTo: horizons }, at);
  return lists.changed.length + lists.left.length === 0 ? undefined : lists;
}

/** Whether the numbers of keys, which are in every answer, are others than the client was told. */
function hasOtherKeys({ streams: { deviceLists } }: SyncParts, { since, deviceNid }: SyncWindow): boolean {
  if (since === undefined || !deviceLists.reachesBackTo(since[3])) return false;
  return deviceLists.hasSince('deviceKeys', deviceNid, since[3]);
}
