/** Proves that entities, migrations and the page about data say the same. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import type { MikroORM } from '@mikro-orm/postgresql';
import { entities } from '#storage/entities/entities.ts';
import { poolOf } from '#storage/orm.ts';
import { createMigratedDatabase, openOrm } from '#test/storage/migrated-database.ts';
import { tableOwners } from '#test/tidy/table-owners.ts';

const database = await createMigratedDatabase();
const orm = await openOrm(database.connection);

after(async () => {
  await orm.close();
  await database[Symbol.asyncDispose]();
});

/** The statements that would bring the database to the entities; empty when they agree. */
function schemaDifference(of: MikroORM): Promise<string> {
  return of.schema.getUpdateSchemaSQL({ wrap: false });
}

async function query<Row extends object>(sql: string): Promise<Row[]> {
  const { rows } = await poolOf(orm).query<Row>(sql);
  return rows;
}

// What entities cannot say is not compared: sequences, functions, unlogged tables, storage and vacuum settings.
test('the migrated database is what the entities say', async () => {
  assert.equal(await schemaDifference(orm), '');
});

for (const change of [
  'create table surplus (a bigint primary key)',
  'drop table gaps',
  'alter table events add column surplus text',
  'alter table events drop column txn_id',
  'alter table events alter column depth type integer',
  'alter table events alter column pos set not null',
  'alter table gaps alter column attempts set default 1',
  'alter table work_items alter column work_nid drop identity',
  'drop index events_relates_to_index',
  'drop index events_pos_key; create unique index events_pos_key on events (pos)',
  'drop index events_pos_key; create index events_pos_key on events (pos) where pos is not null',
  'drop index replay_keys_created_at_index; create index replay_keys_created_at_index on replay_keys (created_at)',
  'alter table rooms drop constraint rooms_room_id_key',
  'alter table event_edges drop constraint event_edges_pkey; alter table event_edges add primary key (prev_nid, event_nid)',
]) {
  test(`this can fail: the entities notice "${change}"`, async () => {
    await using changed = await createMigratedDatabase();
    await using other = await openOrm(changed.connection);
    await poolOf(other).query(change);
    assert.notEqual(await schemaDifference(other), '');
  });
}

test('arrays hold what the entities say, at which the comparison does not look', async () => {
  const expected = [...orm.getMetadata().getAll().values()].flatMap((meta) =>
    meta.props
      .filter(({ columnTypes }) => columnTypes[0]?.endsWith('[]'))
      .map(({ name, columnTypes }) => `${meta.tableName}.${name} ${columnTypes[0]}`),
  );
  const arrays = await query<{ text: string }>(
    `select format('%s.%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod)) as text
     from pg_attribute a join pg_class c on c.oid = attrelid
     where relkind = 'r' and relnamespace = 'public'::regnamespace and attndims > 0`,
  );
  assert.ok(expected.includes('room_heads.extremity_nids bigint[]'));
  assert.deepEqual(arrays.map(({ text }) => text).toSorted(), expected.toSorted());
});

test('the functions and sequences by which events are written exist', async () => {
  const functions = await query<{ name: string }>(
    `select proname::text as name from pg_proc where pronamespace = 'public'::regnamespace order by proname`,
  );
  assert.deepEqual(
    functions.map(({ name }) => name),
    [
      'lock_stream',
      'persist_batch',
      'persist_flush',
      'persist_heavy',
      'persist_message',
      'persist_out_of_band',
      'settled_position',
      'state_path',
      'stream_position',
    ],
  );
  const [block] = await query<{ first: number; next: number }>(
    `select nextval('nid_blocks') as first, nextval('nid_blocks') as next`,
  );
  assert.ok(block);
  assert.equal(block.next - block.first, 1_000);
});

type DocumentedTable = { readonly name: string; readonly owner: string; readonly key: string[]; readonly kept: string };

/** The rows of the table of tables in docs/data.md. */
function readDocumentedTables(): DocumentedTable[] {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/data.md'), 'utf8');
  const section = page.slice(page.indexOf('\n## Tables'), page.indexOf('\n## Statuses'));
  return [...section.matchAll(/^\| `(\w+)` \| ([^|]+) \| (\w+) \| ([^|]+) \| ([^|]+) \|$/gm)].map((match) => ({
    name: match[1] ?? '',
    owner: match[3] ?? '',
    key: codes(match[4] ?? ''),
    kept: match[5] ?? '',
  }));
}

function codes(text: string): string[] {
  return [...text.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? '');
}

const documented = readDocumentedTables();

test('every table is documented, with owner and key, and nothing else is', async () => {
  const names = entities.map((entity) => entity.name).toSorted();
  assert.deepEqual(documented.map(({ name }) => name).toSorted(), names);
  assert.deepEqual(Object.fromEntries(documented.map(({ name, owner }) => [name, owner])), tableOwners);
  const keys = await query<{ name: string; key: string[] }>(
    `select conrelid::regclass::text as name,
       array(select attname::text from unnest(conkey) with ordinality as k(attnum, n)
         join pg_attribute a on a.attrelid = conrelid and a.attnum = k.attnum order by n) as key
     from pg_constraint where contype = 'p'`,
  );
  for (const { name, key } of documented) assert.deepEqual(key, keys.find((row) => row.name === name)?.key, name);
});

type Index = { readonly table: string; readonly columns: string[]; readonly predicate: string | null };

function readIndexes(): Promise<Index[]> {
  return query<Index>(
    `select indrelid::regclass::text as table,
       array(select attname::text from unnest(indkey::int2[]) with ordinality as k(attnum, n)
         join pg_attribute a on a.attrelid = indrelid and a.attnum = k.attnum order by n) as columns,
       pg_get_expr(indpred, indrelid) as predicate
     from pg_index where indisvalid`,
  );
}

/** Whether rows can be found by these columns: some index begins with them, or two that are partial have all rows together. */
function isIndexed(indexes: readonly Index[], table: string, columns: readonly string[]): boolean {
  const beginning = indexes.filter(
    (index) =>
      index.table === table && columns.every((column) => index.columns.slice(0, columns.length).includes(column)),
  );
  const predicates = new Set(beginning.map(({ predicate }) => predicate));
  return [...predicates].some((predicate) => {
    const present = /^\((\w+) IS NOT NULL\)$/.exec(predicate ?? '')?.[1];
    if (predicate === null || present === undefined) return predicate === null;
    return columns.includes(present) || predicates.has(`(${present} IS NULL)`);
  });
}

test('every column that a retention rule names is indexed', async () => {
  const indexes = await readIndexes();
  for (const { name, kept } of documented) {
    assert.ok(kept.startsWith('for good') || kept.includes('('), `${name}: a rule that finds no rows`);
    for (const [, group = ''] of kept.matchAll(/\((`[^)]*)\)/g)) {
      assert.ok(isIndexed(indexes, name, codes(group)), `${name}: no index begins with ${group}`);
    }
  }
  assert.equal(isIndexed(indexes, 'events', ['depth']), false);
  assert.equal(isIndexed(indexes, 'events', ['relates_to_nid']), false);
  assert.equal(isIndexed(indexes, 'room_heads', ['pos']), false);
});
