/** Owns the one PostgreSQL of a test run: started before the first test file, stopped after the last. */
import { Client } from 'pg';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { superuserConnection } from '#storage/embedded/connection.ts';
import { startEmbeddedPostgres } from '#storage/embedded/start-embedded-postgres.ts';
import { testDatabaseVariable } from '#test/support/test-database.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const running = new AsyncDisposableStack();

export async function globalSetup(): Promise<void> {
  const directory = running.use(makeTemporaryDirectory());
  const postgres = running.use(
    await startEmbeddedPostgres({
      dataDir: directory.path,
      logger: createLogger('warn'),
      clock: systemClock,
      settings: { max_connections: '200' },
      fsync: false,
    }),
  );
  const { connection } = postgres;
  const client = new Client(superuserConnection(connection));
  await client.connect();
  // The role of the server, with the one right more that tests need to clone databases.
  await client.query(`alter role ${connection.user} createdb`);
  await client.end();
  // Test files run in processes of their own, which inherit the environment.
  process.env[testDatabaseVariable] = JSON.stringify(connection);
}

export async function globalTeardown(): Promise<void> {
  await running.disposeAsync();
}
