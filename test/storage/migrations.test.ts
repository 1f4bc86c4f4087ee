/** Proves that a database is migrated once, cheaply, and which databases are refused. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client } from 'pg';
import { StartError } from '#core/start-error.ts';
import { assertCollation, type DatabaseSettings } from '#storage/database-state.ts';
import { migrate } from '#storage/migrations.ts';
import { poolOf } from '#storage/orm.ts';
import { createMigratedDatabase, openOrm } from '#test/storage/migrated-database.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

test('several processes that start at once migrate once', async () => {
  await using empty = await createTestDatabase();
  const results = await Promise.all([1, 2, 3, 4].map(() => migrate(empty.connection)));
  assert.deepEqual(
    results.filter((applied) => applied.length > 0),
    [['Migration20261122000000_baseline']],
  );
});

test('a migrated database is left alone', async () => {
  await using migrated = await createMigratedDatabase();
  assert.deepEqual(await migrate(migrated.connection), []);
});

test('a database that a newer version has migrated is refused', async () => {
  await using newer = await createMigratedDatabase();
  await using other = await openOrm(newer.connection);
  await poolOf(other).query(`insert into mikro_orm_migrations (name) values ('Migration20991231000000_tomorrow')`);
  await assert.rejects(migrate(newer.connection), (error: unknown) => {
    assert.ok(error instanceof StartError);
    assert.match(error.message, /newer version .*Migration20991231000000_tomorrow/);
    return true;
  });
});

test('a database that began with other tables is refused with a sentence that says what to do', async () => {
  await using older = await createMigratedDatabase();
  await using orm = await openOrm(older.connection);
  await poolOf(orm).query(`comment on table mikro_orm_migrations is 'the fingerprint of another schema'`);
  await assert.rejects(migrate(older.connection), (error: unknown) => {
    assert.ok(error instanceof StartError);
    assert.match(
      error.message,
      /from before 0\.1.*start the version that made it, or begin with an empty data directory/,
    );
    return true;
  });
});

const fit: DatabaseSettings = {
  version: 180_004,
  encoding: 'UTF8',
  provider: 'c',
  collate: 'C',
  ctype: 'C',
  locale: null,
};

for (const [what, change] of [
  ['the collation C', {}],
  ['PostgreSQL 14, which has no providers', { version: 140_000, provider: null }],
  ['the name POSIX, which is C', { collate: 'POSIX', ctype: 'POSIX' }],
  ["PostgreSQL's own C.UTF-8", { provider: 'b', locale: 'C.UTF-8', collate: 'en_GB.UTF-8', ctype: 'en_GB.UTF-8' }],
] as const) {
  test(`${what} is accepted`, () => assertCollation({ ...fit, ...change }));
}

for (const [what, change, message] of [
  ['a language', { collate: 'en_US.UTF-8', ctype: 'en_US.UTF-8' }, /en_US.*CREATE DATABASE.*LC_COLLATE 'C'/],
  ['a language for characters only', { ctype: 'de_DE.UTF-8' }, /de_DE/],
  ["the C library's C.UTF-8", { collate: 'C.UTF-8', ctype: 'C.UTF-8' }, /C\.UTF-8/],
  ['ICU over a collation C', { provider: 'i', locale: 'en' }, /locale en\b/],
  ["PostgreSQL's own full Unicode", { provider: 'b', locale: 'PG_UNICODE_FAST' }, /PG_UNICODE_FAST/],
  ['an encoding without all characters', { encoding: 'LATIN1' }, /LATIN1.*UTF8/],
  ['an encoding that checks nothing', { encoding: 'SQL_ASCII' }, /SQL_ASCII/],
  ['a PostgreSQL that is too old', { version: 130_022 }, /PostgreSQL 13\b.*14/],
] as const) {
  test(`${what} is refused`, () => {
    assert.throws(
      () => assertCollation({ ...fit, ...change }),
      (error: unknown) => error instanceof StartError && message.test(error.message),
    );
  });
}

test('the settings of a real database are read: one in LATIN1 is refused, one of PostgreSQL’s own C.UTF-8 is not', async () => {
  await using home = await createTestDatabase();
  const admin = new Client(home.connection);
  await admin.connect();
  try {
    for (const [options, refused] of [
      ["encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'", /LATIN1/],
      ["encoding 'UTF8' locale_provider builtin builtin_locale 'C.UTF-8'", undefined],
    ] as const) {
      const name = `${home.connection.database}_other`;
      await admin.query(`create database ${name} template template0 ${options}`);
      try {
        const other = { ...home.connection, database: name };
        if (refused === undefined) assert.equal((await migrate(other)).length, 1);
        else await assert.rejects(migrate(other), refused);
      } finally {
        await admin.query(`drop database ${name} with (force)`);
      }
    }
  } finally {
    await admin.end();
  }
});
