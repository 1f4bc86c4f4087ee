/** Owns reading the encrypted room keys in a user's backup, as JSON text. */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findBackupKey, findBackupKeys, type BackupKey } from '#storage/users/key-backup/find-backups.ts';
import { requireBackup } from '#users/key-backup/require-backup.ts';

const PAGE_KEYS = 500;

/** The JSON text of one key. Throws M_NOT_FOUND without such a backup or key. */
export async function requireBackupKey(
  db: ReadTx,
  userNid: number,
  version: string,
  selection: { readonly roomId: string; readonly sessionId: string },
): Promise<string> {
  const backup = await requireBackup(db, userNid, version);
  const { roomId, sessionId } = selection;
  const key = await findBackupKey(db, { userNid, version: backup.version }, roomId, sessionId);
  if (key === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such key in the backup.');
  return keyJson(key);
}

/**
 * The JSON text of the keys of a room (`{"sessions":…}`) or of all rooms (`{"rooms":…}`), a page at a time, so that a
 * backup of any size takes little memory. Throws M_NOT_FOUND without such a backup, before the first page.
 */
export async function readBackupKeys(
  db: ReadTx,
  userNid: number,
  version: string,
  roomId?: string,
): Promise<AsyncIterable<string>> {
  const backup = { userNid, version: (await requireBackup(db, userNid, version)).version };
  if (roomId === undefined) return allKeysJson(db, backup);
  return roomKeysJson(db, backup, roomId);
}

type Backup = { readonly userNid: number; readonly version: number };

async function* roomKeysJson(db: ReadTx, backup: Backup, roomId: string): AsyncGenerator<string> {
  yield '{"sessions":{';
  let isFirst = true;
  for await (const page of pagesOf(db, backup, roomId)) {
    yield (isFirst ? '' : ',') + page.map(memberJson).join(',');
    isFirst = false;
  }
  yield '}}';
}

async function* allKeysJson(db: ReadTx, backup: Backup): AsyncGenerator<string> {
  yield '{"rooms":{';
  let room: string | undefined;
  for await (const page of pagesOf(db, backup)) {
    let text = '';
    for (const key of page) {
      if (key.roomId === room) text += ',';
      else text += `${room === undefined ? '' : '}},'}${JSON.stringify(key.roomId)}:{"sessions":{`;
      room = key.roomId;
      text += memberJson(key);
    }
    yield text;
  }
  yield room === undefined ? '}}' : '}}}}';
}

/** Pages that are not empty. */
async function* pagesOf(db: ReadTx, backup: Backup, roomId?: string): AsyncGenerator<readonly BackupKey[]> {
  let after = { roomId: roomId ?? '', sessionId: '', limit: PAGE_KEYS };
  for (;;) {
    const page = await findBackupKeys(db, backup, roomId !== undefined, after);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    if (page.length < PAGE_KEYS) return;
    after = { ...after, roomId: last.roomId, sessionId: last.sessionId };
  }
}

function memberJson(key: BackupKey): string {
  return `${JSON.stringify(key.sessionId)}:${keyJson(key)}`;
}

function keyJson({ firstMessageIndex, forwardedCount, isVerified, sessionData }: BackupKey): string {
  return (
    `{"first_message_index":${firstMessageIndex},"forwarded_count":${forwardedCount},` +
    `"is_verified":${isVerified},"session_data":${sessionData}}`
  );
}
