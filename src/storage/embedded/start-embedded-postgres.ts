/** Owns starting the embedded PostgreSQL of a data directory, from nothing to a database that takes connections. */
import { existsSync, rmSync } from 'node:fs';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { chooseAccount } from '#storage/embedded/account.ts';
import { prepareBinaries, requireNativeDirectory } from '#storage/embedded/binaries.ts';
import { connectionOf, ensureDatabase, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import { makeDataDirectory, requireDiskSpace, requireOwnMajor } from '#storage/embedded/data-directory.ts';
import { lockDataDirectory } from '#storage/embedded/directory-lock.ts';
import { initialiseCluster } from '#storage/embedded/initialise-cluster.ts';
import { layoutOf } from '#storage/embedded/layout.ts';
import { decideRunAs } from '#storage/embedded/run-as.ts';
import { postgresArguments, settingsOf, type Settings } from '#storage/embedded/settings.ts';
import { chooseSocketDirectory, makeSocketDirectory } from '#storage/embedded/socket-directory.ts';
import { supervisePostgres, type Supervision } from '#storage/embedded/supervise.ts';

export type EmbeddedPostgresOptions = {
  readonly dataDir: string;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Settings of PostgreSQL that differ from ours, such as `max_connections`. */
  readonly settings?: Settings;
  /** False only for tests: a power cut may then lose everything. */
  readonly fsync?: boolean;
};

export type EmbeddedPostgres = Supervision & {
  readonly connection: EmbeddedConnection;
  /** The data directory of PostgreSQL itself. */
  readonly dataDirectory: string;
};

/**
 * Starts, or adopts, the PostgreSQL of the data directory, which is locked until disposed of. Disposing of it stops
 * PostgreSQL and returns when its processes are gone. Throws a `StartError` for everything that an operator can mend.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  const { logger, clock, fsync = true } = options;
  const layout = layoutOf(options.dataDir);
  const { dataDir, cluster } = layout;
  const native = requireNativeDirectory(process.platform, process.arch);
  await using stack = new AsyncDisposableStack();

  makeDataDirectory(dataDir);
  stack.use(lockDataDirectory(dataDir));
  requireOwnMajor(layout);
  requireDiskSpace(dataDir);
  const account = chooseAccount(cluster);
  const socketDirectory = chooseSocketDirectory(layout.socket);
  makeSocketDirectory(socketDirectory, account);
  if (socketDirectory !== layout.socket) stack.defer(() => rmSync(socketDirectory, { recursive: true, force: true }));
  const binaries = prepareBinaries(native, layout.libraryLinks);
  const runAs = decideRunAs(account, binaries, [cluster, socketDirectory]);
  if (!existsSync(cluster)) await initialiseCluster(layout, binaries.initdb, runAs, account, fsync);

  const supervision = stack.use(
    await supervisePostgres({
      postgres: binaries.postgres,
      args: postgresArguments(cluster, settingsOf(socketDirectory, fsync, options.settings ?? {})),
      runAs,
      cluster,
      socketDirectory,
      logFile: layout.log,
      logger,
      clock,
    }),
  );
  const connection = connectionOf(socketDirectory);
  await ensureDatabase(connection);
  const running = stack.move();
  return {
    pid: supervision.pid,
    onCrash: supervision.onCrash,
    connection,
    dataDirectory: cluster,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
