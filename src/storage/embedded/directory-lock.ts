/** Owns the lock that lets one server at a time use a data directory. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { StartError } from '#core/start-error.ts';

const SQLITE_BUSY = 5;
/** How long a server that was just killed may take to be gone. */
const PATIENCE_MS = 1000;

/**
 * Takes the lock until it is disposed of or the process ends, however it ends.
 *
 * The lock is the kernel's own lock on an open file, which a process number in a file is not: a number may belong to
 * another process by now, and means nothing in another container that shares the directory. Node can take such locks
 * only through SQLite; the file is and stays empty. The number beside it is for the message alone.
 * Throws a `StartError` that names the process which has the lock.
 */
export function lockDataDirectory(dataDir: string): Disposable {
  const holderFile = path.join(dataDir, 'server.pid');
  const lock = openLockFile(dataDir);
  try {
    lock.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}; PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE`);
  } catch (error) {
    lock.close();
    if (!isBusy(error)) throw cannotLock(dataDir, error);
    throw new StartError(
      `The data directory ${dataDir} is in use by another Causeway server${readHolder(holderFile)}: stop that one, or ` +
        'give this one a data_dir (CAUSEWAY_DATA_DIR) of its own.',
    );
  }
  writeFileSync(holderFile, `${process.pid}\n`);
  return {
    [Symbol.dispose]: () => {
      rmSync(holderFile, { force: true });
      lock.close();
    },
  };
}

function openLockFile(dataDir: string): DatabaseSync {
  try {
    return new DatabaseSync(path.join(dataDir, 'server.lock'));
  } catch (error) {
    throw cannotLock(dataDir, error);
  }
}

function cannotLock(dataDir: string, error: unknown): StartError {
  const reason = error instanceof Error ? ` (${error.message})` : '';
  return new StartError(
    `The lock file ${path.join(dataDir, 'server.lock')} cannot be used${reason}: give the data directory with all that ` +
      'is in it to the user that runs Causeway, on a disk that has file locks.',
    { cause: error },
  );
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === SQLITE_BUSY;
}

function readHolder(file: string): string {
  try {
    return ` (process ${Number(readFileSync(file, 'utf8'))})`;
  } catch {
    return '';
  }
}
