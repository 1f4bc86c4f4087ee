/** Owns the end of devices: logout, removal, deactivation. Whatever belongs to a device goes with it. */
import type { Tx } from '#storage/database.ts';
import { appendDeviceListChange } from '#streams/device-list-changes.ts';
import type { StreamTx } from '#streams/stream-writer.ts';
import type { Streams } from '#streams/streams.ts';
import { deleteToDeviceMessages } from '#streams/to-device-queue.ts';
import { deleteDevices, type DeviceSelection } from '#storage/users/devices.ts';
import type { Authenticator } from '#users/authenticate.ts';
import { removeDeviceKeys } from '#users/keys/remove-device-keys.ts';

/** Devices of one user that are being removed. */
export type RemovedDevices = { readonly userNid: number; readonly deviceNids: readonly number[] };

/** Deletes what one table has of the devices, in the transaction that deletes them. */
export type DeviceRemoval = (tx: Tx, devices: RemovedDevices) => Promise<void>;

export type DeviceRemovalParts = {
  readonly streams: Pick<Streams, 'write'>;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
  /** One for each table of other folders that has rows of devices. */
  readonly deviceRemovals: readonly DeviceRemoval[];
};

/** One for each table of this folder. */
const ownRemovals: readonly DeviceRemoval[] = [deleteToDeviceMessages, removeDeviceKeys];

/**
 * Removes devices, whose tokens are then worth nothing; ids that are no devices are passed over. `alongside` runs first,
 * in the same transaction.
 */
export async function removeDevices(
  parts: DeviceRemovalParts,
  selection: DeviceSelection,
  alongside?: (tx: Tx) => Promise<void>,
): Promise<void> {
  const deviceNids = await parts.streams.write('deviceLists', async (tx) => {
    await alongside?.(tx);
    return removeDevicesIn(tx, parts, selection);
  });
  parts.authenticator.forgetDevices(deviceNids);
}

/** The same inside a transaction. After the commit the caller has the authenticator forget the devices that it gives. */
export async function removeDevicesIn(
  tx: StreamTx,
  { deviceRemovals }: Pick<DeviceRemovalParts, 'deviceRemovals'>,
  selection: DeviceSelection,
): Promise<readonly number[]> {
  const removed = await deleteDevices(tx, selection);
  const deviceNids = removed.map(({ deviceNid }) => deviceNid);
  if (removed.length === 0) return deviceNids;
  for (const remove of [...deviceRemovals, ...ownRemovals])
    await remove(tx, { userNid: selection.userNid, deviceNids });
  appendDeviceListChange(tx, selection.userNid, { deleted: removed.map(({ deviceId }) => deviceId) });
  return deviceNids;
}
