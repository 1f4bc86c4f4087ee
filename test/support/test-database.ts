/** Owns databases for tests: each test clones a template, which is prepared once in a run. */
import { Client } from 'pg';
import { randomString } from '#core/random.ts';
import type { EmbeddedConnection } from '#storage/embedded/connection.ts';

/** Holds, as JSON, how to reach the PostgreSQL of the test run. */
export const testDatabaseVariable = 'CAUSEWAY_TEST_DATABASE';

/** Any number will do, as long as nothing else in the tests locks it. */
const TEMPLATE_LOCK = 7_318_008;

/** `url` is the same as `connection`, as `database.url` takes it. */
export type TestDatabase = AsyncDisposable & { readonly connection: EmbeddedConnection; readonly url: string };

/** Fills an empty database, by migrating it for example. It must have closed its connections when it resolves. */
export type PrepareTemplate = (connection: EmbeddedConnection) => Promise<void>;

/**
 * A database of its own for a test, dropped when disposed of: a clone of the template of this name, which `prepare` fills
 * once in a run, or an empty one when nothing prepares it.
 */
export async function createTestDatabase(
  prepare?: PrepareTemplate,
  preparedTemplate = 'causeway_template',
): Promise<TestDatabase> {
  const server = requireServer();
  await using admin = await connect(server);
  const template = prepare === undefined ? 'template0' : preparedTemplate;
  if (prepare !== undefined) await ensureTemplate(admin.client, server, template, prepare);
  const name = `test_${randomString(12, 'abcdefghijklmnopqrstuvwxyz')}`;
  // Measured with a hundred tables: 48 ms, against 260 ms by the default strategy, which writes all of it to the WAL too.
  await admin.client.query(`create database ${name} template ${template} strategy file_copy`);
  return {
    connection: { ...server, database: name },
    url: `postgresql://${server.user}@${encodeURIComponent(server.host)}:${server.port}/${name}`,
    [Symbol.asyncDispose]: async () => {
      await using dropper = await connect(server);
      await drop(dropper.client, name);
    },
  };
}

/**
 * With `force` the sessions of others are ended, but a worker of autovacuum may not be, and refuses the whole; without it
 * PostgreSQL sends such a worker away by itself and waits.
 */
async function drop(client: Client, name: string): Promise<void> {
  try {
    await client.query(`drop database ${name} with (force)`);
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== '42501') throw error;
    await client.query(`drop database ${name}`);
  }
}

function requireServer(): EmbeddedConnection {
  const json = process.env[testDatabaseVariable];
  if (json === undefined) throw new Error('This test needs the PostgreSQL of a test run: start it by npm test -- FILE');
  const parsed: EmbeddedConnection = JSON.parse(json);
  return parsed;
}

/** One of the processes of a run makes the template; the others wait for its lock, which ends with its connection. */
async function ensureTemplate(
  admin: Client,
  server: EmbeddedConnection,
  template: string,
  prepare: PrepareTemplate,
): Promise<void> {
  if (await hasTemplate(admin, template)) return;
  await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await hasTemplate(admin, template)) return;
    const unfinished = `${template}_unfinished`;
    await admin.query(`drop database if exists ${unfinished} with (force)`);
    await admin.query(`create database ${unfinished} template template0`);
    await prepare({ ...server, database: unfinished });
    await admin.query(`alter database ${unfinished} rename to ${template}`);
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

async function hasTemplate(admin: Client, template: string): Promise<boolean> {
  const { rowCount } = await admin.query('select from pg_database where datname = $1', [template]);
  return rowCount === 1;
}

async function connect(connection: EmbeddedConnection): Promise<AsyncDisposable & { readonly client: Client }> {
  const client = new Client(connection);
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
}
