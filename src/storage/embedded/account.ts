/** Owns the choice of the operating-system account that PostgreSQL runs as, since it refuses to run as root. */
import { existsSync, readFileSync, statSync, type Stats } from 'node:fs';
import path from 'node:path';
import { StartError } from '#core/start-error.ts';

export type Account = { readonly name: string; readonly uid: number; readonly gid: number };

const passwdFile = '/etc/passwd';
/** Accounts that exist for us, for PostgreSQL, or for nothing at all, in this order. */
const unprivilegedNames = ['causeway', 'postgres', 'nobody'];

/**
 * The account that PostgreSQL must be switched to, or undefined when it runs as the account we have ourselves.
 * Throws a `StartError` when no account can own the cluster. We never create accounts.
 */
export function chooseAccount(cluster: string): Account | undefined {
  const ownUid = process.getuid?.();
  if (ownUid === undefined) return undefined;
  const owner = existsSync(cluster) ? statSync(cluster) : undefined;
  if (ownUid !== 0) {
    if (owner === undefined || owner.uid === ownUid) return undefined;
    throw new StartError(
      `${cluster} belongs to ${nameOf(owner.uid)}: start Causeway as that user, or give the directory to ` +
        `${nameOf(ownUid)} with "chown -R".`,
    );
  }
  if (owner !== undefined) return accountOfOwner(cluster, owner);
  const accounts = readAccounts();
  for (const name of unprivilegedNames) {
    const account = accounts.find((candidate) => candidate.name === name && candidate.uid !== 0);
    if (account) return account;
  }
  throw new StartError(
    `PostgreSQL refuses to run as root, and none of the users ${unprivilegedNames.join(', ')} exists: start Causeway ` +
      'as another user, create the user causeway, or set database.url (CAUSEWAY_DATABASE_URL).',
  );
}

function accountOfOwner(cluster: string, owner: Stats): Account {
  if (owner.uid !== 0) return { name: nameOf(owner.uid), uid: owner.uid, gid: owner.gid };
  throw new StartError(
    `${cluster} belongs to root, and PostgreSQL refuses to run as root: give it to an unprivileged user, ` +
      `as with "chown -R nobody: ${cluster}".`,
  );
}

/** The rows of a passwd file. Negative numbers, as macOS has them, are the unsigned ones that system calls take. */
export function parseAccounts(passwd: string): Account[] {
  return passwd.split('\n').flatMap((line) => {
    const [name, , uid, gid] = line.split(':');
    if (!name || !uid || !gid || name.startsWith('#')) return [];
    return [{ name, uid: Number(uid) >>> 0, gid: Number(gid) >>> 0 }];
  });
}

function readAccounts(): Account[] {
  return existsSync(passwdFile) ? parseAccounts(readFileSync(passwdFile, 'utf8')) : [];
}

function nameOf(uid: number): string {
  return readAccounts().find((account) => account.uid === uid)?.name ?? `the user with number ${uid}`;
}

/** The first directory above `target`, from the root on, that the account may not pass through. */
export function findBarrier(target: string, { uid, gid }: Account): string | undefined {
  const above = path.dirname(path.resolve(target));
  const parts = above.split(path.sep).filter(Boolean);
  const directories = parts.map((_, index) => path.sep + parts.slice(0, index + 1).join(path.sep));
  return directories.find((directory) => {
    const stats = statSync(directory, { throwIfNoEntry: false });
    return stats !== undefined && !mayPass(stats, uid, gid);
  });
}

function mayPass(stats: Stats, uid: number, gid: number): boolean {
  if (stats.uid === uid) return (stats.mode & 0o100) !== 0;
  if (stats.gid === gid) return (stats.mode & 0o010) !== 0;
  return (stats.mode & 0o001) !== 0;
}
