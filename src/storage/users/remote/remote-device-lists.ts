/** Owns writing what is known of the devices of users of other servers. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import type { ListState, RemoteDevice } from '#storage/users/remote/find-remote-devices.ts';

/** A list that is being asked for: what is stored must not be older than what has been told meanwhile. */
export type ListFetch = {
  readonly userId: string;
  readonly userNid: number;
  /** How many updates had come for the list. */
  readonly updateCount: number;
  /** Rooms shared before this moment are those of which the answer is true. */
  readonly sharedSince: number;
};

// The update changes nothing: it gives the row that is there.
const beginFetch = statement<ListFetch>(
  'begin_device_list_fetch',
  `with stamp as materialized (select nextval('sharing_stamps') as since),
   row as (
     insert into remote_device_lists as l (user_nid, is_stale, shared_since)
     select u.user_nid, true, stamp.since
     from (select user_nid from users where user_id = any($1::text[]) order by user_nid) u, stamp
     on conflict (user_nid) do update set user_nid = excluded.user_nid
     returning l.user_nid, l.update_count)
   select u.user_id as "userId", u.user_nid as "userNid", row.update_count as "updateCount", stamp.since as "sharedSince"
   from row join users u using (user_nid), stamp`,
);

/** Notes that lists of users who have numbers are going to be asked for, before they are. */
export function beginListFetch(db: ReadTx, userIds: readonly string[]): Promise<ListFetch[]> {
  return userIds.length === 0 ? Promise.resolve([]) : db.query(beginFetch, [userIds]);
}

const storeList = statement<{ user_nid: number }>(
  'store_device_list',
  `update remote_device_lists set stream_id = $3, is_stale = false, shared_since = $4
   where user_nid = $1 and update_count = $2 returning user_nid`,
);

/** False, without an effect, when the list has been told of changes since it was asked for. */
export async function persistDeviceList(
  tx: Tx,
  { userNid, updateCount, sharedSince }: ListFetch,
  streamId: number | null,
): Promise<boolean> {
  return (await tx.query(storeList, [userNid, updateCount, streamId, sharedSince])).length === 1;
}

const lockList = statement<ListState>(
  'lock_device_list',
  `update remote_device_lists set update_count = update_count + 1 where user_nid = $1
   returning stream_id as "streamId", is_stale as "isStale"`,
);

/** Counts an update of a list, and keeps others from it until the transaction ends; undefined when the list is not kept. */
export async function lockDeviceList(tx: Tx, userNid: number): Promise<ListState | undefined> {
  return (await tx.query(lockList, [userNid]))[0];
}

const moveList = statement<never>(
  'move_device_list',
  'update remote_device_lists set stream_id = $2 where user_nid = $1',
);
const staleList = statement<never>(
  'mark_device_list_stale',
  'update remote_device_lists set is_stale = true where user_nid = $1',
);
const staleLists = statement<never>('mark_all_device_lists_stale', 'update remote_device_lists set is_stale = true');

/** The version of a list that an update has brought it to. */
export async function persistListVersion(tx: Tx, userNid: number, streamId: number): Promise<void> {
  await tx.query(moveList, [userNid, streamId]);
}

/** The list is not to be used until it has been asked for anew. */
export async function markListStale(tx: Tx, userNid: number): Promise<void> {
  await tx.query(staleList, [userNid]);
}

/** No list is to be used before it has been asked for anew. */
export async function markAllListsStale(tx: Tx): Promise<void> {
  await tx.query(staleLists, []);
}

const deleteOthers = statement<never>(
  'delete_other_remote_devices',
  'delete from remote_devices where user_nid = $1 and device_id <> all($2::text[])',
);
const deleteOne = statement<never>(
  'delete_remote_device',
  'delete from remote_devices where user_nid = $1 and device_id = $2',
);
const upsertDevices = statement<never>(
  'upsert_remote_devices',
  `insert into remote_devices (user_nid, device_id, display_name, signed_text, signatures)
   select $1::bigint, d.* from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as d
   on conflict (user_nid, device_id) do update set display_name = excluded.display_name,
     signed_text = excluded.signed_text, signatures = excluded.signatures`,
);
const countDevices = statement<{ count: number }>(
  'count_remote_devices',
  'select count(*) as count from remote_devices where user_nid = $1',
);

/** The user's devices, in place of those known before. */
export async function replaceRemoteDevices(tx: Tx, userNid: number, devices: readonly RemoteDevice[]): Promise<void> {
  await tx.query(deleteOthers, [userNid, devices.map(({ deviceId }) => deviceId)]);
  await persistRemoteDevices(tx, userNid, devices);
}

export async function persistRemoteDevices(tx: Tx, userNid: number, devices: readonly RemoteDevice[]): Promise<void> {
  if (devices.length === 0) return;
  await tx.query(upsertDevices, [
    userNid,
    devices.map(({ deviceId }) => deviceId),
    devices.map(({ displayName }) => displayName),
    devices.map(({ signedText }) => signedText),
    devices.map(({ signatures }) => signatures),
  ]);
}

export async function deleteRemoteDevice(tx: Tx, userNid: number, deviceId: string): Promise<void> {
  await tx.query(deleteOne, [userNid, deviceId]);
}

export async function countRemoteDevices(tx: Tx, userNid: number): Promise<number> {
  return (await tx.query(countDevices, [userNid]))[0]?.count ?? 0;
}

// As `membershipCodes` has it: 2 is joined. By the primary key; a look at the rooms of each.
const deleteUnshared = statement<{ last_nid: number | null; looked_at: number; deleted: number }>(
  'delete_unshared_device_lists',
  `with looked_at as (
     select l.user_nid, u.user_id from remote_device_lists l join users u on u.user_nid = l.user_nid
     where l.user_nid > $1 order by l.user_nid limit $2),
   unshared as (
     delete from remote_device_lists l using looked_at a
     where l.user_nid = a.user_nid and not exists (
       select from remote_members m join user_rooms r on r.room_nid = m.room_nid and r.membership = 2
       where m.user_id = a.user_id)
     returning l.user_nid),
   devices as (delete from remote_devices d using unshared u where d.user_nid = u.user_nid),
   keys as (delete from cross_signing_keys k using unshared u where k.user_nid = u.user_nid)
   select (select max(user_nid) from looked_at) as last_nid, (select count(*) from looked_at) as looked_at,
     (select count(*) from unshared) as deleted`,
);

/**
 * Looks at `limit` lists after a number, and deletes those of users with whom nobody here shares a room. `lastNid` is where
 * to go on, undefined at the end.
 */
export async function deleteUnsharedLists(
  db: ReadTx,
  afterNid: number,
  limit: number,
): Promise<{ readonly deleted: number; readonly lastNid: number | undefined }> {
  const [row] = await db.query(deleteUnshared, [afterNid, limit]);
  if (row === undefined) return { deleted: 0, lastNid: undefined };
  return { deleted: row.deleted, lastNid: row.looked_at === limit ? (row.last_nid ?? undefined) : undefined };
}
