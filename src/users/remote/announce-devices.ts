/** Owns telling servers of the devices of a user with whom they have come to share a room. */
import type { ReadTx } from '#storage/database.ts';
import { meetsNewServers } from '#storage/streams/find-device-list-updates.ts';
import { findDevices } from '#storage/users/find-devices.ts';
import { appendDeviceAnnouncement } from '#streams/device-list-changes.ts';
import type { Streams } from '#streams/streams.ts';

/** What `work_items` holds of a user of this server who has entered a room. */
export type AnnouncementPayload = { readonly userNid: number; readonly roomNid: number };

/**
 * Tells the user's devices anew if there are servers in the room with which the user shares no other room.
 * Specification: Server-Server API, "Device Management".
 */
export async function announceDevices(
  { database, streams }: { readonly database: ReadTx; readonly streams: Pick<Streams, 'write'> },
  { userNid, roomNid }: AnnouncementPayload,
): Promise<void> {
  if (!(await meetsNewServers(database, userNid, roomNid))) return;
  await streams.write('deviceLists', async (tx) => {
    const devices = await findDevices(tx, userNid);
    appendDeviceAnnouncement(
      tx,
      userNid,
      devices.map(({ deviceId }) => deviceId),
    );
  });
}
