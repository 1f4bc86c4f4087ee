/** Owns what users see and say of their devices. */
import { MatrixError } from '#matrix/error.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import { persistDeviceDisplayName } from '#storage/users/devices.ts';
import { findDevice, findDevices, type StoredDevice } from '#storage/users/find-devices.ts';

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

/** Throws M_NOT_FOUND when the user has no such device. */
export async function renameDevice(
  database: Database,
  userNid: number,
  deviceId: string,
  displayName: string,
): Promise<void> {
  const isThere = await database.transaction((tx) => persistDeviceDisplayName(tx, userNid, deviceId, displayName));
  if (!isThere) throw noDevice();
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
