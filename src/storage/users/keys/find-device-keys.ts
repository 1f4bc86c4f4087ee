/** Owns reading the identity keys of devices. */
import { statement, type ReadTx } from '#storage/database.ts';

/** Both are JSON: the text that signatures cover, and the signatures that came with it by user id and key id. */
export type SignedKey = { readonly signedText: string; readonly signatures: string };

const selectOwn = statement<SignedKey>(
  'select_keys_of_device',
  'select signed_text as "signedText", signatures from device_keys where device_nid = $1',
);

/** The keys that a device has published. */
export async function findKeysOfDevice(db: ReadTx, deviceNid: number): Promise<SignedKey | undefined> {
  const [keys] = await db.query(selectOwn, [deviceNid]);
  return keys;
}

const selectNamed = statement<SignedKey & { readonly deviceId: string }>(
  'select_keys_of_named_devices',
  `select device_id as "deviceId", signed_text as "signedText", signatures
   from device_keys where user_nid = $1 and device_id = any($2::text[])`,
);

/** The keys of those of a user's devices that have any. */
export function findKeysOfDevices(
  db: ReadTx,
  userNid: number,
  deviceIds: readonly string[],
): Promise<(SignedKey & { readonly deviceId: string })[]> {
  return db.query(selectNamed, [userNid, deviceIds]);
}

/** A user of ours that was asked for. Without keys that were asked for, it has none of the other members. */
export type QueriedDevice = { readonly userId: string } & (
  | { readonly deviceId: null }
  | ({ readonly deviceId: string; readonly displayName: string | null } & SignedKey)
);

// One row for each device with keys, found by user; a user has as many devices as logins.
const selectQueried = statement<QueriedDevice>(
  'select_queried_device_keys',
  `select u.user_id as "userId", k.device_id as "deviceId", d.display_name as "displayName",
      k.signed_text as "signedText", k.signatures
   from unnest($1::text[], $2::text[]) as asked (user_id, device_id)
   join users u on u.user_id = asked.user_id
   join accounts a on a.user_nid = u.user_nid
   left join (device_keys k join devices d on d.device_nid = k.device_nid)
     on k.user_nid = u.user_nid and (asked.device_id is null or k.device_id = asked.device_id)`,
);

/** The devices asked for, by user id and device id; without a device id all devices of the user. */
export function findQueriedDevices(
  db: ReadTx,
  asked: readonly { readonly userId: string; readonly deviceId: string | undefined }[],
): Promise<QueriedDevice[]> {
  return db.query(selectQueried, [asked.map(({ userId }) => userId), asked.map(({ deviceId }) => deviceId ?? null)]);
}
