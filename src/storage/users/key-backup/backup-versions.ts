/** Owns writing the versions of key backups. */
import { statement, type Tx } from '#storage/database.ts';
import type { StoredBackup } from '#storage/users/key-backup/find-backups.ts';

const insertVersion = statement<{ version: number }>(
  'insert_backup_version',
  `with former as (delete from backup_versions where user_nid = $1 and deleted_at is not null)
   insert into backup_versions (user_nid, version, algorithm, auth_data)
   select $1::bigint, coalesce(max(version), 0) + 1, $2, $3 from backup_versions where user_nid = $1
   returning version`,
);

/** Makes the next version, with a number that no earlier one had. The account is locked. */
export async function persistBackupVersion(
  tx: Tx,
  userNid: number,
  { algorithm, authData }: { readonly algorithm: string; readonly authData: string },
): Promise<number> {
  const [row] = await tx.query(insertVersion, [userNid, algorithm, authData]);
  if (row === undefined) throw new Error('A backup version was not stored.');
  return row.version;
}

const updateAuth = statement<never>(
  'update_backup_auth_data',
  'update backup_versions set auth_data = $3 where user_nid = $1 and version = $2',
);

export async function persistBackupAuth(tx: Tx, userNid: number, version: number, authData: string): Promise<void> {
  await tx.query(updateAuth, [userNid, version, authData]);
}

// The row stays for its number, so that it is not given again; a later version takes that over.
const markDeleted = statement<never>(
  'mark_backup_version_deleted',
  `with keys as (delete from backup_keys where user_nid = $1 and version = $2)
   update backup_versions set deleted_at = $3, auth_data = '{}', key_count = 0 where user_nid = $1 and version = $2`,
);

/** Deletes a version and all its keys. */
export async function deleteBackupVersion(tx: Tx, userNid: number, version: number, deletedAt: number): Promise<void> {
  await tx.query(markDeleted, [userNid, version, deletedAt]);
}

const lockNewest = statement<StoredBackup>(
  'lock_newest_backup',
  `select version, algorithm, auth_data as "authData", etag, key_count as "keyCount" from backup_versions
   where user_nid = $1 and deleted_at is null order by version desc limit 1 for no key update`,
);
const lockVersion = statement<StoredBackup>(
  'lock_backup',
  `select version, algorithm, auth_data as "authData", etag, key_count as "keyCount" from backup_versions
   where user_nid = $1 and version = $2 and deleted_at is null for no key update`,
);

/** The backup, which then changes only here; without a version the newest. */
export async function lockBackup(tx: Tx, userNid: number, version?: number): Promise<StoredBackup | undefined> {
  const [backup] =
    version === undefined ? await tx.query(lockNewest, [userNid]) : await tx.query(lockVersion, [userNid, version]);
  return backup;
}
