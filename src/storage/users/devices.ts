/** Owns writing devices. Device rows are locked before the rows of their tokens, everywhere. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import { deleteTokensOf } from '#storage/users/tokens.ts';

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

const lockDevice = statement<{ device_nid: number }>(
  'lock_device',
  'select device_nid from devices where device_nid = $1 for update',
);

/** Locks a device, so that whatever writes its tokens follows one another. False when it is gone. */
export async function lockDeviceRow(tx: Tx, deviceNid: number): Promise<boolean> {
  return (await tx.query(lockDevice, [deviceNid])).length === 1;
}

/** Which devices of a user: those with these ids, or all but one (with 0 all). */
export type DeviceSelection =
  | { readonly userNid: number; readonly deviceIds: readonly string[] }
  | { readonly userNid: number; readonly exceptDeviceNid: number };

export type DeletedDevice = { readonly deviceNid: number; readonly deviceId: string };

const deleteNamed = statement<DeletedDevice>(
  'delete_named_devices',
  `delete from devices where user_nid = $1 and device_id = any($2::text[])
   returning device_nid as "deviceNid", device_id as "deviceId"`,
);
const deleteOthers = statement<DeletedDevice>(
  'delete_other_devices',
  `delete from devices where user_nid = $1 and device_nid <> $2
   returning device_nid as "deviceNid", device_id as "deviceId"`,
);

/** Deletes devices of one user with their tokens. Gives the deleted devices. */
export async function deleteDevices(tx: Tx, selection: DeviceSelection): Promise<DeletedDevice[]> {
  const { userNid } = selection;
  const rows =
    'deviceIds' in selection
      ? await tx.query(deleteNamed, [userNid, selection.deviceIds])
      : await tx.query(deleteOthers, [userNid, selection.exceptDeviceNid]);
  const deviceNids = rows.map(({ deviceNid }) => deviceNid);
  if (deviceNids.length > 0) await deleteTokensOf(tx, deviceNids);
  return rows;
}

const updateDisplayName = statement<{ device_nid: number }>(
  'update_device_display_name',
  'update devices set display_name = $3 where user_nid = $1 and device_id = $2 returning device_nid',
);

/** Whether there was such a device. */
export async function persistDeviceDisplayName(
  tx: Tx,
  userNid: number,
  deviceId: string,
  displayName: string,
): Promise<boolean> {
  return (await tx.query(updateDisplayName, [userNid, deviceId, displayName])).length === 1;
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
