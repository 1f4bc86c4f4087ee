/** Owns writing devices and their access tokens. Device rows are locked before token rows, everywhere. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

export type NewDevice = {
  readonly userNid: number;
  readonly deviceId: string;
  readonly displayName: string | undefined;
  readonly createdAt: number;
};

// The update changes nothing: it locks a device that exists, so that logins into it follow one another.
const upsertDevice = statement<{ device_nid: number }>(
  'upsert_device',
  `insert into devices (user_nid, device_id, display_name, created_at) values ($1, $2, $3, $4)
   on conflict (user_nid, device_id) do update set device_id = excluded.device_id returning device_nid`,
);

/** The number of the device, which is made if need be; one that exists keeps its display name. */
export async function persistDevice(tx: Tx, device: NewDevice): Promise<number> {
  const { userNid, deviceId, displayName, createdAt } = device;
  const [row] = await tx.query(upsertDevice, [userNid, deviceId, displayName ?? null, createdAt]);
  if (row === undefined) throw new Error('A device was not stored.');
  return row.device_nid;
}

const deleteTokens = statement<never>(
  'delete_device_tokens',
  'delete from access_tokens where device_nid = any($1::bigint[])',
);
const insertToken = statement<never>(
  'insert_access_token',
  'insert into access_tokens (token_hash, user_nid, device_nid, created_at) values ($1, $2, $3, $4)',
);

export type NewToken = {
  readonly tokenHash: Buffer;
  readonly userNid: number;
  readonly deviceNid: number;
  readonly createdAt: number;
};

/** Makes it the only token of its device. */
export async function replaceToken(tx: Tx, { tokenHash, userNid, deviceNid, createdAt }: NewToken): Promise<void> {
  await tx.query(deleteTokens, [[deviceNid]]);
  await tx.query(insertToken, [tokenHash, userNid, deviceNid, createdAt]);
}

const deleteDevice = statement<{ device_nid: number }>(
  'delete_device',
  'delete from devices where device_nid = $1 returning device_nid',
);
const deleteDevices = statement<{ device_nid: number }>(
  'delete_devices_of_user',
  'delete from devices where user_nid = $1 returning device_nid',
);

/** Deletes a device, or all devices of a user, with their tokens. Gives the numbers of the deleted devices. */
export async function deleteDevicesOf(
  tx: Tx,
  owner: { readonly deviceNid: number } | { readonly userNid: number },
): Promise<number[]> {
  const rows =
    'deviceNid' in owner
      ? await tx.query(deleteDevice, [owner.deviceNid])
      : await tx.query(deleteDevices, [owner.userNid]);
  const deviceNids = rows.map((row) => row.device_nid);
  await tx.query(deleteTokens, [deviceNids]);
  return deviceNids;
}

export type Sighting = {
  readonly deviceNid: number;
  readonly seenAt: number;
  readonly remoteAddress: string;
  readonly userAgent: string | undefined;
  /** A device that was seen after this is left as it is. */
  readonly unlessSeenAfter: number;
};

const updateLastSeen = statement<never>(
  'update_device_last_seen',
  `update devices set last_seen_at = $2, last_seen_ip = $3, last_seen_user_agent = $4
   where device_nid = $1 and (last_seen_at is null or last_seen_at <= $5)`,
);

/** Notes when and from where a device was last used. */
export async function persistSighting(db: ReadTx, sighting: Sighting): Promise<void> {
  const { deviceNid, seenAt, remoteAddress, userAgent, unlessSeenAfter } = sighting;
  await db.query(updateLastSeen, [deviceNid, seenAt, remoteAddress, userAgent ?? null, unlessSeenAfter]);
}
