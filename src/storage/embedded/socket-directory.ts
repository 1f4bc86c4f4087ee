/** Owns the private directory of the Unix socket, the only way into the embedded PostgreSQL. */
import { createHash } from 'node:crypto';
import { chmodSync, chownSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isErrno } from '#core/errno.ts';
import { StartError } from '#core/start-error.ts';
import type { Account } from '#storage/embedded/account.ts';

/** The port exists only in the name of the socket; nothing listens on the network. */
export const socketPort = 5432;

/** What fits into `sun_path` of a socket address, without the byte that ends it. */
const socketPathBytesMax = process.platform === 'darwin' ? 103 : 107;

/** `preferred`, or a directory for temporary files named after it when the path of a socket would be too long there. */
export function chooseSocketDirectory(preferred: string): string {
  const socketPath = path.join(preferred, `.s.PGSQL.${socketPort}`);
  if (Buffer.byteLength(socketPath) <= socketPathBytesMax) return preferred;
  const name = createHash('sha256').update(preferred).digest('hex').slice(0, 20);
  return path.join(tmpdir(), `causeway-${name}`);
}

/**
 * Creates the directory for the account (ourselves when undefined) and nobody else. Whoever can enter it can read and
 * write the whole database, so that one made by somebody else is refused with a `StartError`.
 */
export function makeSocketDirectory(directory: string, account: Account | undefined): void {
  try {
    mkdirSync(directory, { mode: 0o700 });
    if (account) chownSync(directory, account.uid, account.gid);
  } catch (error) {
    if (!isErrno(error, 'EEXIST')) throw error;
  }
  const stats = lstatSync(directory);
  const owner = account?.uid ?? process.getuid?.();
  if (!stats.isDirectory() || stats.uid !== owner) {
    throw new StartError(`${directory} was made by somebody else: delete it and start Causeway again.`);
  }
  chmodSync(directory, 0o700);
}
