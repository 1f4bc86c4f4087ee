/** Owns reading what is known of the devices of users of other servers. */
import { statement, type ReadTx } from '#storage/database.ts';
import type { QueriedCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';

/** What a key is signed with is JSON text, as `SignedKey` has it. */
export type RemoteDevice = {
  readonly userId: string;
  readonly deviceId: string;
  readonly displayName: string | null;
  readonly signedText: string;
  readonly signatures: string;
};

// As `membershipCodes` has it.
const joined = 2;

/** A room in which users of this server are, and the user `u`. */
const sharedRoom = `select from remote_members m join user_rooms r on r.room_nid = m.room_nid and r.membership = ${joined}
     where m.user_id = u.user_id`;

const selectSharing = statement<{ user_id: string }>(
  'select_users_sharing_with_server',
  `select u.user_id from unnest($1::text[]) as u(user_id) where exists (${sharedRoom})`,
);

/** Those of the users of other servers of whom somebody here shares a room. */
export async function findSharing(db: ReadTx, userIds: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = userIds.length === 0 ? [] : await db.query(selectSharing, [userIds]);
  return new Set(rows.map((row) => row.user_id));
}

// A list is good while a room has been shared without a break since before it was asked for: as long, its server tells us
// of every change.
const selectKnown = statement<{ userId: string; userNid: number }>(
  'select_known_device_lists',
  `select u.user_id as "userId", u.user_nid as "userNid" from users u
   join remote_device_lists l on l.user_nid = u.user_nid and not l.is_stale
   where u.user_id = any($1::text[]) and exists (${sharedRoom} and m.since <= l.shared_since)`,
);

/** Those of the users whose devices are known, and up to date as far as can be told. */
export function findKnownLists(
  db: ReadTx,
  userIds: readonly string[],
): Promise<{ readonly userId: string; readonly userNid: number }[]> {
  return userIds.length === 0 ? Promise.resolve([]) : db.query(selectKnown, [userIds]);
}

export type ListState = { readonly streamId: number | null; readonly isStale: boolean };

const selectState = statement<ListState>(
  'select_device_list_state',
  `select stream_id as "streamId", is_stale as "isStale" from remote_device_lists where user_nid = $1`,
);

/** How far a list that is kept has come; undefined when none is. */
export async function findListState(db: ReadTx, userNid: number): Promise<ListState | undefined> {
  return (await db.query(selectState, [userNid]))[0];
}

const selectDevices = statement<RemoteDevice>(
  'select_remote_devices',
  `select u.user_id as "userId", d.device_id as "deviceId", d.display_name as "displayName",
     d.signed_text as "signedText", d.signatures
   from remote_devices d join users u on u.user_nid = d.user_nid where d.user_nid = any($1::bigint[])`,
);

export function findRemoteDevices(db: ReadTx, userNids: readonly number[]): Promise<RemoteDevice[]> {
  return userNids.length === 0 ? Promise.resolve([]) : db.query(selectDevices, [userNids]);
}

const selectSigningKeys = statement<QueriedCrossSigningKey>(
  'select_remote_signing_keys',
  `select u.user_nid as "userNid", u.user_id as "userId", c.usage, c.public_key as "publicKey",
     c.signed_text as "signedText", c.signatures
   from cross_signing_keys c join users u on u.user_nid = c.user_nid where c.user_nid = any($1::bigint[])`,
);

export function findRemoteSigningKeys(db: ReadTx, userNids: readonly number[]): Promise<QueriedCrossSigningKey[]> {
  return userNids.length === 0 ? Promise.resolve([]) : db.query(selectSigningKeys, [userNids]);
}
