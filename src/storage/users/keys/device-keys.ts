/** Owns writing the identity keys of devices. */
import { statement, type Tx } from '#storage/database.ts';

const lockDevice = statement<{ device_nid: number }>(
  'lock_device_for_keys',
  'select device_nid from devices where device_nid = $1 for no key update',
);

/** Makes the key uploads of one device follow one another. False when it was logged out meanwhile. */
export async function lockDeviceForKeys(tx: Tx, deviceNid: number): Promise<boolean> {
  return (await tx.query(lockDevice, [deviceNid])).length === 1;
}

export type NewDeviceKeys = {
  readonly deviceNid: number;
  readonly userNid: number;
  readonly deviceId: string;
  readonly signedText: string;
  /** A JSON object: signatures by user id and key id. */
  readonly signatures: string;
};

const upsertDeviceKeys = statement<never>(
  'upsert_device_keys',
  `insert into device_keys (device_nid, user_nid, device_id, signed_text, signatures) values ($1, $2, $3, $4, $5)
   on conflict (device_nid) do update set signed_text = excluded.signed_text, signatures = excluded.signatures`,
);

/** Stores the keys of a locked device in place of those that it had. */
export async function persistDeviceKeys(tx: Tx, keys: NewDeviceKeys): Promise<void> {
  await tx.query(upsertDeviceKeys, [keys.deviceNid, keys.userNid, keys.deviceId, keys.signedText, keys.signatures]);
}
