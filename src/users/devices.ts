/** Owns what users see and say of their devices. */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { persistDeviceDisplayName } from '#storage/users/devices.ts';
import { findDevice, findDevices, type StoredDevice } from '#storage/users/find-devices.ts';
import { appendDeviceListChange } from '#streams/device-list-changes.ts';
import type { Streams } from '#streams/streams.ts';

/** A device on the wire. Specification: Client-Server API, "Device Management". */
export type DeviceView = Record<string, string | number>;

export async function listDevices(db: ReadTx, userNid: number): Promise<DeviceView[]> {
  return (await findDevices(db, userNid)).map(viewOf);
}

/** Throws M_NOT_FOUND when the user has no such device. */
export async function requireDevice(db: ReadTx, userNid: number, deviceId: string): Promise<DeviceView> {
  const device = await findDevice(db, userNid, deviceId);
  if (device === undefined) throw noDevice();
  return viewOf(device);
}

/** Others see the name beside the device's keys, and are told that it changed. Throws M_NOT_FOUND. */
export async function renameDevice(
  streams: Pick<Streams, 'write'>,
  userNid: number,
  deviceId: string,
  displayName: string,
): Promise<void> {
  await streams.write('deviceLists', async (tx) => {
    if (!(await persistDeviceDisplayName(tx, userNid, deviceId, displayName))) throw noDevice();
    appendDeviceListChange(tx, userNid, { changed: [deviceId] });
  });
}

function noDevice(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'You have no device with this ID.');
}

function viewOf({ deviceId, displayName, lastSeenAt, lastSeenIp, lastSeenUserAgent }: StoredDevice): DeviceView {
  return {
    device_id: deviceId,
    ...(displayName !== null && { display_name: displayName }),
    ...(lastSeenAt !== null && { last_seen_ts: lastSeenAt }),
    ...(lastSeenIp !== null && { last_seen_ip: lastSeenIp }),
    // MSC3852, by which clients tell phones from browsers.
    ...(lastSeenUserAgent !== null && { 'org.matrix.msc3852.last_seen_user_agent': lastSeenUserAgent }),
  };
}
