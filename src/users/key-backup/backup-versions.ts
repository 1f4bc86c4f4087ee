/** Owns the versions of a user's key backup. Specification: Client-Server API, "Server-side key backups". */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database, ReadTx } from '#storage/database.ts';
import {
  deleteBackupVersion,
  lockBackup,
  persistBackupAuth,
  persistBackupVersion,
} from '#storage/users/key-backup/backup-versions.ts';
import { findBackup, findBackupNumbers } from '#storage/users/key-backup/find-backups.ts';
import { lockAccountForKeys } from '#storage/users/keys/cross-signing-keys.ts';
import { noBackup, requireBackup } from '#users/key-backup/require-backup.ts';

const BACKUPS_MAX = 100;
const AUTH_DATA_BYTES_MAX = 65_536;

type BackupAlgorithm = { readonly algorithm: string; readonly auth_data: Record<string, unknown> };

/** Makes a backup, which is then the one that keys are stored in; gives its version. Throws M_TOO_LARGE, M_RESOURCE_LIMIT_EXCEEDED. */
export async function createBackup(database: Database, userNid: number, body: BackupAlgorithm): Promise<string> {
  const { algorithm } = body;
  const authData = requireAuthData(body.auth_data);
  const version = await database.transaction(async (tx) => {
    await lockAccountForKeys(tx, userNid);
    if ((await findBackupNumbers(tx, userNid)).live >= BACKUPS_MAX) {
      throw new MatrixError(
        'M_RESOURCE_LIMIT_EXCEEDED',
        `There are ${BACKUPS_MAX} backups: delete one that you do not need.`,
      );
    }
    return persistBackupVersion(tx, userNid, { algorithm, authData });
  });
  return String(version);
}

/** What a client is told of a backup; without a version of the newest one. Throws M_NOT_FOUND. */
export async function describeBackup(db: ReadTx, userNid: number, version?: string): Promise<object> {
  const backup = version === undefined ? await findBackup(db, userNid) : await requireBackup(db, userNid, version);
  if (backup === undefined) throw noBackup();
  return {
    algorithm: backup.algorithm,
    auth_data: JSON.parse(backup.authData),
    count: backup.keyCount,
    etag: String(backup.etag),
    version: String(backup.version),
  };
}

/** Exchanges the auth data. Throws M_NOT_FOUND, and M_INVALID_PARAM for another algorithm or version. */
export async function updateBackup(
  database: Database,
  userNid: number,
  version: string,
  body: BackupAlgorithm & { readonly version?: string },
): Promise<void> {
  const authData = requireAuthData(body.auth_data);
  if (body.version !== undefined && body.version !== version) {
    throw new MatrixError('M_INVALID_PARAM', 'The version in the body is not the one in the path.');
  }
  await database.transaction(async (tx) => {
    const { version: number } = await requireBackup(tx, userNid, version);
    const backup = await lockBackup(tx, userNid, number);
    if (backup === undefined) throw noBackup();
    if (backup.algorithm !== body.algorithm) {
      throw new MatrixError('M_INVALID_PARAM', 'The algorithm of a backup cannot change: make a new backup.');
    }
    await persistBackupAuth(tx, userNid, number, authData);
  });
}

/** Deletes a backup with its keys; one that was deleted before is no mistake. Throws M_NOT_FOUND for one that never was. */
export async function deleteBackup(
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  userNid: number,
  version: string,
): Promise<void> {
  await database.transaction(async (tx) => {
    await lockAccountForKeys(tx, userNid);
    // Versions are numbered from 1 without gaps.
    const { newest } = await findBackupNumbers(tx, userNid);
    const number = /^[1-9]\d{0,14}$/.test(version) ? Number(version) : Infinity;
    if (number > newest) throw noBackup();
    if ((await lockBackup(tx, userNid, number)) !== undefined) {
      await deleteBackupVersion(tx, userNid, number, clock.now());
    }
  });
}

function requireAuthData(value: Record<string, unknown>): string {
  const text = JSON.stringify(value);
  if (Buffer.byteLength(text) > AUTH_DATA_BYTES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `"auth_data" may have ${AUTH_DATA_BYTES_MAX} bytes at most.`);
  }
  return text;
}
