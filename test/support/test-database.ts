/** Owns databases for tests: a fresh, empty one each time, on the PostgreSQL that the test run provides. */
import { randomBytes } from 'node:crypto';
import { Client } from 'pg';

/** `url` names the database; disposal drops it and ends the sessions that are still open on it. */
export type TestDatabase = AsyncDisposable & { readonly url: string };

/**
 * A fresh database with the collation and encoding that the server demands.
 * Throws if the run was started without `CAUSEWAY_TEST_DATABASE`, the URL of a superuser's connection.
 */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = process.env['CAUSEWAY_TEST_DATABASE'];
  if (adminUrl === undefined) {
    throw new Error('This test needs an external PostgreSQL: set CAUSEWAY_TEST_DATABASE, or use `npm test`.');
  }
  const name = `test_${randomBytes(8).toString('hex')}`;
  await runAsAdmin(adminUrl, `CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`);
  return {
    url: withDatabaseName(adminUrl, name),
    async [Symbol.asyncDispose]() {
      await runAsAdmin(adminUrl, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
  };
}

async function runAsAdmin(url: string, statement: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

/** Replaces the path of a `postgres:` URL, whose host part may be empty when it names a Unix socket by parameter. */
function withDatabaseName(url: string, name: string): string {
  const match = /^(postgres(?:ql)?:\/\/[^/?]*)(?:\/[^?]*)?(\?.*)?$/.exec(url);
  if (match === null) throw new Error(`CAUSEWAY_TEST_DATABASE is not a postgres:// URL: ${url}`);
  return `${match[1]}/${name}${match[2] ?? ''}`;
}
