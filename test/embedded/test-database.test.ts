/** Proves that tests get databases of their own, from one template. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { superuserConnection, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import { ask } from '#test/embedded/start.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('databases are clones of one template that is prepared once, and go with their test', async () => {
  let preparations = 0;
  const prepare = async (connection: EmbeddedConnection) => {
    preparations++;
    await ask(connection, 'create table template_row as select 1 as n');
  };
  const template = 'embedded_template';
  const databases = await Promise.all([1, 2, 3].map(() => createTestDatabase(prepare, template)));
  assert.equal(preparations, 1);
  const [first, second] = databases;
  assert.ok(first && second);
  await ask(first.connection, 'insert into template_row values (2)');
  assert.deepEqual(await ask(first.connection, 'select count(*)::int from template_row'), { count: 2 });
  assert.deepEqual(await ask(second.connection, 'select count(*)::int from template_row'), { count: 1 });

  await Promise.all(databases.map((database) => database[Symbol.asyncDispose]()));
  const names = databases.map(({ connection }) => `'${connection.database}'`).join(',');
  const left = await ask(
    { ...superuserConnection(first.connection) },
    `select count(*)::int from pg_database where datname in (${names})`,
  );
  assert.deepEqual(left, { count: 0 });
});
