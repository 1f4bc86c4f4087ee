/** Owns removing keys of devices and users, with every signature that was made of them or by them. */
import { statement, type Tx } from '#storage/database.ts';

const deleteConsumable = statement<never>(
  'delete_one_time_keys_of_devices',
  `with fallback as (delete from fallback_keys where device_nid = any($1::bigint[]))
   delete from one_time_keys where device_nid = any($1::bigint[])`,
);

/** Deletes one-time keys and fallback keys. */
export async function deleteOneTimeKeysOf(tx: Tx, deviceNids: readonly number[]): Promise<void> {
  await tx.query(deleteConsumable, [deviceNids]);
}

// The user's own rows are few: signatures on and by the keys of devices and of the user.
const deleteOwnSignatures = statement<never>(
  'delete_key_signatures_of_device',
  `delete from key_signatures where target_user_nid = $1 and signer_user_nid = $1
   and (target_key_id = any($2::text[]) or signing_key_id = any($3::text[]))`,
);

/** Deletes the signatures that a user made on own devices, and those that the devices made on the user's keys. */
export async function deleteSignaturesOfDevices(tx: Tx, userNid: number, deviceIds: readonly string[]): Promise<void> {
  await tx.query(deleteOwnSignatures, [userNid, deviceIds, deviceIds.map((deviceId) => `ed25519:${deviceId}`)]);
}

const deleteIdentity = statement<{ device_id: string }>(
  'delete_device_keys_of_devices',
  'delete from device_keys where device_nid = any($1::bigint[]) returning device_id',
);

/** Deletes everything that devices of one user have published. Whether any of them had identity keys. */
export async function deleteKeysOfDevices(
  tx: Tx,
  { userNid, deviceNids }: { readonly userNid: number; readonly deviceNids: readonly number[] },
): Promise<boolean> {
  const identities = await tx.query(deleteIdentity, [deviceNids]);
  await deleteOneTimeKeysOf(tx, deviceNids);
  if (identities.length === 0) return false;
  await deleteSignaturesOfDevices(
    tx,
    userNid,
    identities.map((row) => row.device_id),
  );
  return true;
}

const deleteSigningKeys = statement<never>(
  'delete_cross_signing_keys_of_user',
  'delete from cross_signing_keys where user_nid = $1',
);
const deleteSignatures = statement<never>(
  'delete_key_signatures_of_user',
  'delete from key_signatures where target_user_nid = $1 or signer_user_nid = $1',
);
const deleteBackups = statement<never>(
  'delete_backups_of_user',
  `with keys as (delete from backup_keys where user_nid = $1) delete from backup_versions where user_nid = $1`,
);

/** Deletes what a user has published and kept besides the keys of devices: for an account that ends. */
export async function deleteKeysOfUser(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deleteSigningKeys, [userNid]);
  await tx.query(deleteSignatures, [userNid]);
  await tx.query(deleteBackups, [userNid]);
}

const deleteAllOneTimeKeys = statement<never>('delete_all_one_time_keys', 'delete from one_time_keys');

/** Deletes every one-time key of the server. */
export async function deleteAllOneTimeKeysIn(tx: Tx): Promise<void> {
  await tx.query(deleteAllOneTimeKeys, []);
}
