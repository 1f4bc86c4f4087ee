/** Owns keeping what servers have told of their users' devices and keys. */
import type { Tx } from '#storage/database.ts';
import { deleteCrossSigningKeys, persistCrossSigningKeys } from '#storage/users/keys/cross-signing-keys.ts';
import { findOwnCrossSigningKeys, type StoredCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';
import { persistDeviceList, replaceRemoteDevices, type ListFetch } from '#storage/users/remote/remote-device-lists.ts';
import type { RemoteKeys } from '#users/remote/read-keys.ts';

/**
 * Stores a list that was asked for, with its version if the answer had one. False, without an effect, when changes have been
 * told since it was asked for: it may be older than they.
 */
export async function storeRemoteKeys(
  tx: Tx,
  fetch: ListFetch,
  keys: RemoteKeys,
  streamId: number | null,
): Promise<boolean> {
  if (!(await persistDeviceList(tx, fetch, streamId))) return false;
  await replaceRemoteDevices(tx, fetch.userNid, keys.devices);
  await replaceSigningKeys(tx, fetch.userNid, keys.signingKeys);
  return true;
}

/** Stores a user's signing keys in place of those known before; what users here have signed of another key says nothing now. */
export async function replaceSigningKeys(
  tx: Tx,
  userNid: number,
  keys: readonly StoredCrossSigningKey[],
): Promise<void> {
  const current = new Set(keys.map(({ publicKey }) => publicKey));
  const former = (await findOwnCrossSigningKeys(tx, userNid)).filter(({ publicKey }) => !current.has(publicKey));
  if (former.length > 0) {
    const usages = former.map(({ usage }) => usage);
    await deleteCrossSigningKeys(tx, userNid, { usages, publicKeys: former.map(({ publicKey }) => publicKey) });
  }
  if (keys.length > 0) await persistCrossSigningKeys(tx, userNid, keys);
}
