/** Owns telling others that a user's devices or keys changed, and a device that its stock of keys did. */
import type { StreamTx } from '#streams/stream-writer.ts';

/**
 * Everybody who shares a room with the user, and the user, hears of it in `device_lists.changed` once the transaction is
 * committed.
 */
export function appendDeviceListChange(tx: StreamTx, userNid: number): void {
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
