/** Owns making a new PostgreSQL cluster, in such a way that a half-made one is never used. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { StartError } from '#core/start-error.ts';
import type { Account } from '#storage/embedded/account.ts';
import { superuser } from '#storage/embedded/connection.ts';
import type { Layout } from '#storage/embedded/layout.ts';
import type { RunAs } from '#storage/embedded/run-as.ts';

const SYNCS_AT_ONCE = 8;

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
    '--no-sync',
  ]);
  // In a session of its own, so that Ctrl-C cannot break it off half-way.
  const child = spawn(program, args, { ...options, detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  const words = text(child.stderr);
  const code = await once(child, 'close').then(([exitCode]: unknown[]) => exitCode, cannotRun);
  if (code !== 0) {
    throw new StartError(`PostgreSQL could not create its database in ${cluster}: ${(await words).trim()}`);
  }
  if (fsync) await syncTree(unfinishedCluster);
  renameSync(unfinishedCluster, cluster);
  // Without this a power cut could undo the renaming.
  if (fsync) await sync(dataDir);
}

/** The programs are linked against glibc, which Alpine Linux for one does not have. */
function cannotRun(error: unknown): never {
  throw new StartError(
    `The PostgreSQL that Causeway brings cannot run on this system (${String(error)}): install PostgreSQL 14 or newer ` +
      'and set database.url (CAUSEWAY_DATABASE_URL).',
    { cause: error },
  );
}

/**
 * Forces all files and directories to disk. initdb would do so one after the other, which on a busy disk took 2.5 s for
 * its thousand files against 0.3 s side by side, as the file system commits what waits at the same time together.
 */
async function syncTree(root: string): Promise<void> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  const paths = [root, ...entries.map((entry) => path.join(entry.parentPath, entry.name))].values();
  const worker = async () => {
    for (const file of paths) await sync(file);
  };
  await Promise.all(Array.from({ length: SYNCS_AT_ONCE }, worker));
}

async function sync(file: string): Promise<void> {
  await using handle = await open(file, 'r');
  await handle.sync();
}
