/** Owns reading key backups: their versions and the keys in them. */
import { statement, type ReadTx } from '#storage/database.ts';

/** `authData` is the text of a JSON object; `etag` grows with every change of the keys. */
export type StoredBackup = {
  readonly version: number;
  readonly algorithm: string;
  readonly authData: string;
  readonly etag: number;
  readonly keyCount: number;
};

const selectNewest = statement<StoredBackup>(
  'select_newest_backup',
  `select version, algorithm, auth_data as "authData", etag, key_count as "keyCount" from backup_versions
   where user_nid = $1 and deleted_at is null order by version desc limit 1`,
);
const selectVersion = statement<StoredBackup>(
  'select_backup',
  `select version, algorithm, auth_data as "authData", etag, key_count as "keyCount" from backup_versions
   where user_nid = $1 and version = $2 and deleted_at is null`,
);

/** A backup that is not deleted; without a version the newest. */
export async function findBackup(db: ReadTx, userNid: number, version?: number): Promise<StoredBackup | undefined> {
  const [backup] =
    version === undefined ? await db.query(selectNewest, [userNid]) : await db.query(selectVersion, [userNid, version]);
  return backup;
}

const selectNumbers = statement<{ newest: number | null; live: number }>(
  'select_backup_numbers',
  `select max(version) as newest, count(*) filter (where deleted_at is null) as live
   from backup_versions where user_nid = $1`,
);

/** The highest number that a version of the user ever had (0 if there was none), and how many versions there are. */
export async function findBackupNumbers(
  db: ReadTx,
  userNid: number,
): Promise<{ readonly newest: number; readonly live: number }> {
  const [row] = await db.query(selectNumbers, [userNid]);
  return { newest: row?.newest ?? 0, live: row?.live ?? 0 };
}

/** An encrypted room key; `sessionData` is the text of a JSON object. */
export type BackupKey = {
  readonly roomId: string;
  readonly sessionId: string;
  readonly firstMessageIndex: number;
  readonly forwardedCount: number;
  readonly isVerified: boolean;
  readonly sessionData: string;
};

const columns = `room_id as "roomId", session_id as "sessionId", first_message_index as "firstMessageIndex",
      forwarded_count as "forwardedCount", is_verified as "isVerified", session_data as "sessionData"`;

const selectKey = statement<BackupKey>(
  'select_backup_key',
  `select ${columns} from backup_keys where user_nid = $1 and version = $2 and room_id = $3 and session_id = $4`,
);

export async function findBackupKey(
  db: ReadTx,
  backup: { readonly userNid: number; readonly version: number },
  roomId: string,
  sessionId: string,
): Promise<BackupKey | undefined> {
  const [key] = await db.query(selectKey, [backup.userNid, backup.version, roomId, sessionId]);
  return key;
}

const selectKeys = statement<BackupKey>(
  'select_backup_keys',
  `select ${columns} from backup_keys
   where user_nid = $1 and version = $2 and (room_id, session_id) > ($3, $4) order by room_id, session_id limit $5`,
);
const selectKeysOfRoom = statement<BackupKey>(
  'select_backup_keys_of_room',
  `select ${columns} from backup_keys
   where user_nid = $1 and version = $2 and room_id = $3 and session_id > $4 order by session_id limit $5`,
);

/** Where a page begins: after this key. With empty ids it is the first page. */
export type BackupPage = { readonly roomId: string; readonly sessionId: string; readonly limit: number };

/** A page of the keys, by room and session; `inRoom` those of the room that `after` names. */
export function findBackupKeys(
  db: ReadTx,
  backup: { readonly userNid: number; readonly version: number },
  inRoom: boolean,
  after: BackupPage,
): Promise<BackupKey[]> {
  const values = [backup.userNid, backup.version, after.roomId, after.sessionId, after.limit];
  return db.query(inRoom ? selectKeysOfRoom : selectKeys, values);
}
