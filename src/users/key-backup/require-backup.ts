/** Owns finding the backup that a client names. */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findBackup, type StoredBackup } from '#storage/users/key-backup/find-backups.ts';

/** The user's backup of a version as clients name it. Throws M_NOT_FOUND. */
export async function requireBackup(db: ReadTx, userNid: number, version: string): Promise<StoredBackup> {
  const backup = /^[1-9]\d{0,14}$/.test(version) ? await findBackup(db, userNid, Number(version)) : undefined;
  if (backup === undefined) throw noBackup();
  return backup;
}

export function noBackup(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'There is no such backup.');
}
