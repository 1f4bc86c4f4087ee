/** Owns what a restored database must forget of keys. */
import type { Tx } from '#storage/database.ts';
import { deleteAllOneTimeKeysIn } from '#storage/users/keys/delete-keys.ts';
import { markAllListsStale } from '#storage/users/remote/remote-device-lists.ts';

/**
 * Forgets the one-time keys of all devices: when an earlier state of the database comes back, so do keys that were given
 * out since. Each device is told with its next sync that it has none left, and publishes others. What is known of devices
 * elsewhere is as old, and is asked for anew.
 */
export async function forgetOneTimeKeys(tx: Tx): Promise<void> {
  await deleteAllOneTimeKeysIn(tx);
  await markAllListsStale(tx);
}
