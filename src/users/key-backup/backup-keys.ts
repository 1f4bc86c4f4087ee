/** Owns storing encrypted room keys in a user's backup, and removing them. Specification: Client-Server API, "Server-side key backups". */
import { MatrixError } from '#matrix/error.ts';
import { isRoomId } from '#matrix/ids.ts';
import type { Database, Tx } from '#storage/database.ts';
import {
  countBackupChange,
  deleteBackupKeys,
  persistBackupKeys,
  type KeySelection,
} from '#storage/users/key-backup/backup-keys.ts';
import { lockBackup } from '#storage/users/key-backup/backup-versions.ts';
import type { BackupKey, StoredBackup } from '#storage/users/key-backup/find-backups.ts';
import { noBackup, requireBackup } from '#users/key-backup/require-backup.ts';

const BACKUP_KEYS_MAX = 500_000;
const SESSION_DATA_BYTES_MAX = 16_384;
const SESSION_ID_LENGTH_MAX = 255;

/** A key on the wire. */
export type RoomKey = {
  readonly first_message_index: number;
  readonly forwarded_count: number;
  readonly is_verified: boolean;
  readonly session_data: Record<string, unknown>;
};

/** Keys by room id and session id. */
export type RoomKeys = Readonly<Record<string, { readonly sessions: Readonly<Record<string, RoomKey>> }>>;

/** What clients compare to learn whether another one has changed the backup. */
export type BackupState = { readonly etag: string; readonly count: number };

/**
 * Stores keys in the newest backup, unless it has better ones of the same sessions. Throws M_WRONG_ROOM_KEYS_VERSION when
 * another backup is the newest, M_NOT_FOUND without any, M_INVALID_PARAM, M_TOO_LARGE, M_RESOURCE_LIMIT_EXCEEDED.
 */
export async function storeBackupKeys(
  database: Database,
  userNid: number,
  version: string,
  rooms: RoomKeys,
): Promise<BackupState> {
  const keys = Object.entries(rooms).flatMap(([roomId, { sessions }]) =>
    Object.entries(sessions).map(([sessionId, key]) => requireKey(roomId, sessionId, key)),
  );
  return database.transaction(async (tx) => {
    const backup = await lockBackup(tx, userNid);
    if (backup === undefined) throw noBackup();
    if (String(backup.version) !== version) {
      throw new MatrixError('M_WRONG_ROOM_KEYS_VERSION', 'Keys can be stored in the newest backup only.', {
        fields: { current_version: String(backup.version) },
      });
    }
    if (keys.length === 0) return stateOf(backup);
    const { stored, added } = await persistBackupKeys(tx, { userNid, version: backup.version }, keys);
    if (added > 0 && backup.keyCount + added > BACKUP_KEYS_MAX) {
      throw new MatrixError('M_RESOURCE_LIMIT_EXCEEDED', `A backup holds at most ${BACKUP_KEYS_MAX} keys.`);
    }
    return noteChange(tx, userNid, backup, stored, added);
  });
}

/** Deletes keys. Throws M_NOT_FOUND without such a backup. */
export async function removeBackupKeys(
  database: Database,
  userNid: number,
  version: string,
  selection: KeySelection,
): Promise<BackupState> {
  return database.transaction(async (tx) => {
    const found = await requireBackup(tx, userNid, version);
    const backup = await lockBackup(tx, userNid, found.version);
    if (backup === undefined) throw noBackup();
    const deleted = await deleteBackupKeys(tx, { userNid, version: backup.version }, selection);
    return noteChange(tx, userNid, backup, deleted, -deleted);
  });
}

async function noteChange(
  tx: Tx,
  userNid: number,
  backup: StoredBackup,
  changed: number,
  added: number,
): Promise<BackupState> {
  return stateOf(changed === 0 ? backup : await countBackupChange(tx, { userNid, version: backup.version }, added));
}

function stateOf({ etag, keyCount }: { readonly etag: number; readonly keyCount: number }): BackupState {
  return { etag: String(etag), count: keyCount };
}

function requireKey(roomId: string, sessionId: string, key: RoomKey): BackupKey {
  if (!isRoomId(roomId)) throw new MatrixError('M_INVALID_PARAM', 'A key belongs to a room ID.');
  if (sessionId === '' || sessionId.length > SESSION_ID_LENGTH_MAX || sessionId.includes('\0')) {
    throw new MatrixError('M_INVALID_PARAM', `The ID of a session has 1 to ${SESSION_ID_LENGTH_MAX} characters.`);
  }
  const sessionData = JSON.stringify(key.session_data);
  if (Buffer.byteLength(sessionData) > SESSION_DATA_BYTES_MAX) {
    throw new MatrixError('M_TOO_LARGE', `"session_data" may have ${SESSION_DATA_BYTES_MAX} bytes at most.`);
  }
  return {
    roomId,
    sessionId,
    firstMessageIndex: key.first_message_index,
    forwardedCount: key.forwarded_count,
    isVerified: key.is_verified,
    sessionData,
  };
}
