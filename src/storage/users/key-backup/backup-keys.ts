/** Owns writing the keys in key backups. */
import { statement, type Tx } from '#storage/database.ts';
import type { BackupKey } from '#storage/users/key-backup/find-backups.ts';

type Backup = { readonly userNid: number; readonly version: number };

// A row is replaced by a better key only, as "Server-side key backups" orders them. `xmax` is 0 in a row that is new.
const upsertKeys = statement<{ is_new: boolean }>(
  'upsert_backup_keys',
  `insert into backup_keys as old (user_nid, version, room_id, session_id, first_message_index, forwarded_count,
     is_verified, session_data)
   select $1::bigint, $2::bigint, k.*
   from unnest($3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::boolean[], $8::text[]) as k
   on conflict (user_nid, version, room_id, session_id) do update set
     first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
     is_verified = excluded.is_verified, session_data = excluded.session_data
   where (not excluded.is_verified, excluded.first_message_index, excluded.forwarded_count)
     < (not old.is_verified, old.first_message_index, old.forwarded_count)
   returning xmax = 0 as is_new`,
);

/** Stores the keys that are new or better than those stored. How many were stored, and how many of them are new. */
export async function persistBackupKeys(
  tx: Tx,
  { userNid, version }: Backup,
  keys: readonly BackupKey[],
): Promise<{ readonly stored: number; readonly added: number }> {
  const rows = await tx.query(upsertKeys, [
    userNid,
    version,
    keys.map(({ roomId }) => roomId),
    keys.map(({ sessionId }) => sessionId),
    keys.map(({ firstMessageIndex }) => firstMessageIndex),
    keys.map(({ forwardedCount }) => forwardedCount),
    keys.map(({ isVerified }) => isVerified),
    keys.map(({ sessionData }) => sessionData),
  ]);
  return { stored: rows.length, added: rows.filter((row) => row.is_new).length };
}

const deleteAll = statement<{ count: number }>(
  'delete_backup_keys',
  `with gone as (delete from backup_keys where user_nid = $1 and version = $2 returning 1)
   select count(*) as count from gone`,
);
const deleteOfRoom = statement<{ count: number }>(
  'delete_backup_keys_of_room',
  `with gone as (delete from backup_keys where user_nid = $1 and version = $2 and room_id = $3 returning 1)
   select count(*) as count from gone`,
);
const deleteOne = statement<{ count: number }>(
  'delete_backup_key',
  `with gone as (
     delete from backup_keys where user_nid = $1 and version = $2 and room_id = $3 and session_id = $4 returning 1)
   select count(*) as count from gone`,
);

/** Which keys of a backup: all, those of a room, or one. */
export type KeySelection = { readonly roomId?: string; readonly sessionId?: string };

/** Deletes keys. How many there were. */
export async function deleteBackupKeys(tx: Tx, backup: Backup, selection: KeySelection): Promise<number> {
  const of = [backup.userNid, backup.version];
  const { roomId, sessionId } = selection;
  if (roomId === undefined) return countOf(await tx.query(deleteAll, of));
  if (sessionId === undefined) return countOf(await tx.query(deleteOfRoom, [...of, roomId]));
  return countOf(await tx.query(deleteOne, [...of, roomId, sessionId]));
}

function countOf(rows: readonly { readonly count: number }[]): number {
  return rows[0]?.count ?? 0;
}

const updateCounts = statement<{ etag: number; keyCount: number }>(
  'update_backup_counts',
  `update backup_versions set etag = etag + 1, key_count = key_count + $3
   where user_nid = $1 and version = $2 returning etag, key_count as "keyCount"`,
);

/** Notes that the keys have changed, and how many more there are. */
export async function countBackupChange(
  tx: Tx,
  { userNid, version }: Backup,
  added: number,
): Promise<{ readonly etag: number; readonly keyCount: number }> {
  const [row] = await tx.query(updateCounts, [userNid, version, added]);
  if (row === undefined) throw new Error('A backup vanished while it was locked.');
  return row;
}
