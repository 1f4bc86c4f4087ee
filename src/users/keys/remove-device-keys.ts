/** Owns the end of what devices have published, when they are removed. */
import type { Tx } from '#storage/database.ts';
import { deleteKeysOfDevices } from '#storage/users/keys/delete-keys.ts';

/** Deletes the keys of removed devices, in the transaction that removes them. */
export async function removeDeviceKeys(
  tx: Tx,
  removed: { readonly userNid: number; readonly deviceNids: readonly number[] },
): Promise<void> {
  await deleteKeysOfDevices(tx, removed);
}
