/** Owns making a new PostgreSQL cluster, in such a way that a half-made one is never used. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync } from 'node:fs';
import { text } from 'node:stream/consumers';
import { StartError } from '#core/start-error.ts';
import type { Account } from '#storage/embedded/account.ts';
import { superuser } from '#storage/embedded/connection.ts';
import type { Layout } from '#storage/embedded/layout.ts';
import type { RunAs } from '#storage/embedded/run-as.ts';

/**
 * Makes the cluster under another name and renames it when it is complete and on disk. With `fsync` off nothing is
 * forced to disk. Throws a `StartError` with initdb's own words when it fails.
 */
export async function initialiseCluster(
  layout: Layout,
  initdb: string,
  runAs: RunAs,
  account: Account | undefined,
  fsync: boolean,
): Promise<void> {
  const { dataDir, cluster, unfinishedCluster } = layout;
  rmSync(unfinishedCluster, { recursive: true, force: true });
  mkdirSync(unfinishedCluster, { mode: 0o700 });
  if (account) chownSync(unfinishedCluster, account.uid, account.gid);
  const { program, args, options } = runAs(initdb, [
    `--pgdata=${unfinishedCluster}`,
    `--username=${superuser}`,
    '--locale=C',
    '--encoding=UTF8',
    '--data-checksums',
    '--auth-local=trust',
    '--auth-host=reject',
    '--no-instructions',
    ...(fsync ? [] : ['--no-sync']),
  ]);
  // In a session of its own, so that Ctrl-C cannot break it off half-way.
  const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const words = text(child.stderr);
  const code = await once(child, 'close').then(([exitCode]: unknown[]) => exitCode, cannotRun);
  if (code !== 0) {
    throw new StartError(`PostgreSQL could not create its database in ${cluster}: ${(await words).trim()}`);
  }
  renameSync(unfinishedCluster, cluster);
  if (fsync) syncDirectory(dataDir);
}

/** The programs are linked against glibc, which Alpine Linux for one does not have. */
function cannotRun(error: unknown): never {
  throw new StartError(
    `The PostgreSQL that Causeway brings cannot run on this system (${String(error)}): install PostgreSQL 14 or newer ` +
      'and set database.url (CAUSEWAY_DATABASE_URL).',
    { cause: error },
  );
}

/** Without this a power cut could undo the renaming. */
function syncDirectory(directory: string): void {
  const descriptor = openSync(directory, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
