/** Owns telling others that a user's devices or keys changed, and a device that its stock of keys did. */
import type { StreamTx } from '#streams/stream-writer.ts';
import { SIGNING_KEYS } from '#storage/streams/find-device-list-updates.ts';

/** What changed: devices with their ids, or the user's signing keys. */
export type DeviceListChange = {
  readonly changed?: readonly string[];
  readonly deleted?: readonly string[];
  readonly signingKeys?: boolean;
};

/**
 * Everybody who shares a room with a user of this server, and the user, hears of it in `device_lists.changed` once the
 * transaction is committed; servers that share a room are sent what changed.
 */
export function appendDeviceListChange(tx: StreamTx, userNid: number, change: DeviceListChange): void {
  const { changed = [], deleted = [], signingKeys = false } = change;
  const deviceUpdates = [
    ...changed.map((deviceId) => ({ userNid, deviceId, isDeleted: false })),
    ...deleted.map((deviceId) => ({ userNid, deviceId, isDeleted: true })),
    ...(signingKeys ? [{ userNid, deviceId: SIGNING_KEYS, isDeleted: false }] : []),
  ];
  tx.add({ deviceLists: [{ userNid }], deviceUpdates });
}

/** Servers that share a room with the user are told of devices as if these had changed; nobody here is. */
export function appendDeviceAnnouncement(tx: StreamTx, userNid: number, deviceIds: readonly string[]): void {
  tx.add({ deviceUpdates: deviceIds.map((deviceId) => ({ userNid, deviceId, isDeleted: false })) });
}

/** Users of this server who share a room with a user of another server hear that there is something to ask that server for. */
export function appendRemoteDeviceListChange(tx: StreamTx, userNid: number): void {
  tx.add({ deviceLists: [{ userNid }] });
}

/** The user's other devices hear of `targetNid` in `device_lists.changed`, and nobody else: the user has signed their keys. */
export function appendTrustChange(tx: StreamTx, userNid: number, targetNid: number): void {
  tx.add({ trust: [{ userNid, targetNid }] });
}

/** The device is told how many keys it has left, in the next answer to it, for which it need not wait. */
export function appendKeyCountChange(
  tx: StreamTx,
  device: { readonly deviceNid: number; readonly userNid: number },
): void {
  tx.add({ deviceKeys: [{ deviceNid: device.deviceNid, userNid: device.userNid }] });
}
