/** Owns a PostgreSQL that one test may mistreat: it is no other test's. */
import { Client } from 'pg';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { superuserConnection, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import type { Settings } from '#storage/embedded/settings.ts';
import { startEmbeddedPostgres } from '#storage/embedded/start-embedded-postgres.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

export type OwnPostgres = AsyncDisposable & {
  readonly connection: EmbeddedConnection;
  /** As `database.url` takes it. */
  readonly url: string;
  readonly postmasterPid: () => number;
};

/** Starts one with `fsync` off, as no test cuts the power; `dataDir` is the caller's own. */
export async function startOwnPostgres(settings: Settings = {}, dataDir?: string): Promise<OwnPostgres> {
  const resources = new AsyncDisposableStack();
  const postgres = resources.use(
    await startEmbeddedPostgres({
      dataDir: dataDir ?? resources.use(makeTemporaryDirectory()).path,
      logger: createLogger('silent'),
      clock: systemClock,
      settings,
      fsync: false,
    }),
  );
  const { connection } = postgres;
  return {
    connection,
    url: urlOf(connection),
    postmasterPid: postgres.pid,
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

export function urlOf({ user, host, port, database }: EmbeddedConnection): string {
  return `postgresql://${user}@${encodeURIComponent(host)}:${port}/${database}`;
}

export type SqlClient = AsyncDisposable & {
  readonly rows: <Row extends Record<string, unknown>>(sql: string, values?: readonly unknown[]) => Promise<Row[]>;
};

/** A connection for looking and meddling. */
export async function connect(connection: EmbeddedConnection): Promise<SqlClient> {
  const client = new Client({ ...connection, application_name: 'test' });
  // The tests end connections on purpose; this one may be among them.
  client.on('error', () => {});
  await client.connect();
  return {
    rows: async <Row extends Record<string, unknown>>(sql: string, values: readonly unknown[] = []) =>
      (await client.query<Row>(sql, [...values])).rows,
    [Symbol.asyncDispose]: () => client.end().catch(() => undefined),
  };
}

/** The same with all rights, on the same database. */
export function connectAsSuperuser(connection: EmbeddedConnection): Promise<SqlClient> {
  return connect({ ...superuserConnection(connection), database: connection.database });
}
