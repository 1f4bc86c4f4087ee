/** Proves that rows go when they are as old as docs/data.md says, and no others. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { createLogger } from '#core/logger.ts';
import { ageRules, removalOf, type AgeRule } from '#storage/age-rules.ts';
import { openDatabase, statement } from '#storage/database.ts';
import { createMigratedDatabase } from '#test/storage/migrated-database.ts';

const testDatabase = await createMigratedDatabase();
const database = openDatabase(testDatabase.connection, { poolSize: 3, logger: createLogger('warn') });

after(async () => {
  await database[Symbol.asyncDispose]();
  await testDatabase[Symbol.asyncDispose]();
});

const minute = 60_000;
const unitsMs: Readonly<Record<string, number>> = {
  minute,
  hour: 60 * minute,
  day: 1_440 * minute,
  week: 7 * 1_440 * minute,
  year: 365 * 1_440 * minute,
};

type Aged = { readonly table: string; readonly columns: readonly string[]; readonly keptMs: number };

/** What the page says of age: `a day old (…)`, `30 days old (…)`, `unused for a week (…)`, `too old (…)` and the like. */
function readAges(): Aged[] {
  const page = readFileSync(path.resolve(import.meta.dirname, '../../docs/data.md'), 'utf8');
  const rows = [...page.matchAll(/^\| `(\w+)` \| [^|]+ \| \w+ \| [^|]+ \| ([^|]+) \|$/gm)];
  return rows.flatMap(([, table = '', kept = '']) =>
    kept.split(';').flatMap((clause): Aged[] => {
      const columns = [...clause.matchAll(/`(\w+)`/g)].map(([, column = '']) => column);
      if (/\btoo old\b/.test(clause)) return [{ table, columns, keptMs: 0 }];
      const age = /\b(an?|\d+) (minute|hour|day|week|year)s?\b/.exec(clause);
      if (age === null || !/\b(?:old|unused|over)\b/.test(clause)) return [];
      const count = Number(age[1]) || 1;
      return [{ table, columns, keptMs: count * (unitsMs[age[2] ?? ''] ?? Number.NaN) }];
    }),
  );
}

const byTable = (left: { table: string }, right: { table: string }): number => (left.table < right.table ? -1 : 1);

test('every age that docs/data.md names is a rule with that age and those columns, and there are no other rules', () => {
  const ages = readAges();
  assert.ok(ages.length >= 10, `${ages.length} ages were found`);
  const rules = ageRules.map(({ table, column, where, keptMs }) => {
    const condition = /\b\w+$/.exec(where ?? '')?.[0];
    return { table, columns: condition === undefined ? [column] : [condition, column], keptMs };
  });
  assert.deepEqual(rules.toSorted(byTable), ages.toSorted(byTable));
});

type Column = { readonly name: string; readonly type: string };
const selectColumns = statement<Column>(
  'test_select_columns',
  `select column_name::text as name, format_type(atttypid, atttypmod) as type
   from information_schema.columns c join pg_attribute a on a.attrelid = c.table_name::regclass and a.attname = c.column_name
   where c.table_schema = 'public' and c.table_name = $1 and c.is_nullable = 'NO' and c.is_identity = 'NO'
   order by ordinal_position`,
);

/** A value of the column's type, another for each row. */
function filler(type: string, row: number): unknown {
  if (type === 'bytea') return Buffer.from(`row ${row}`);
  if (type === 'boolean') return false;
  if (type.endsWith('[]')) return [];
  return type === 'text' ? `row ${row}` : row;
}

/** Adds a row whose age the rule looks at; all else is filled in. */
async function insert(table: string, row: number, values: Readonly<Record<string, unknown>>): Promise<void> {
  const columns = await database.query(selectColumns, [table]);
  assert.ok(Object.keys(values).every((name) => columns.some((column) => column.name === name)));
  const names = columns.map(({ name }) => name);
  const given = columns.map(({ name, type }) => values[name] ?? filler(type, row));
  const places = names.map((_, index) => `$${index + 1}`);
  await database.query(
    statement(`test_insert_${table}`, `insert into ${table} (${names.join()}) values (${places.join()})`),
    given,
  );
}

async function agesIn({ table, column }: AgeRule): Promise<number[]> {
  const select = statement<{ age: number }>(
    `test_ages_${table}`,
    `select ${column} as age from ${table} order by ${column}`,
  );
  return (await database.query(select, [])).map(({ age }) => age);
}

async function counts(): Promise<Record<string, number>> {
  const entries = ageRules.map(async (rule) => [rule.table, (await agesIn(rule)).length] as const);
  return Object.fromEntries(await Promise.all(entries));
}

const now = 1_800_000_000_000;

test('each rule removes what is older than it says, and nothing else', async () => {
  let row = 0;
  for (const { table, column, where, keptMs } of ageRules) {
    const limit = now - keptMs;
    const condition = /\w+$/.exec(where ?? '')?.[0];
    const aging = condition === undefined ? {} : { [condition]: !where?.startsWith('not ') };
    for (const at of [limit - 400 * unitsMs['day']!, limit - 1, limit, limit + 1, now + 1]) {
      await insert(table, (row += 1), { [column]: at, ...aging });
    }
    if (condition !== undefined) {
      await insert(table, (row += 1), { [column]: limit - 1, [condition]: !aging[condition] });
    }
  }
  for (const rule of ageRules) {
    const before = await counts();
    assert.equal(await removalOf(rule)(database, now), 2, rule.table);
    assert.deepEqual(await counts(), { ...before, [rule.table]: (before[rule.table] ?? 0) - 2 });
    const limit = now - rule.keptMs;
    const exempt = rule.where === undefined ? [] : [limit - 1];
    assert.deepEqual(await agesIn(rule), [...exempt, limit, limit + 1, now + 1], rule.table);
    assert.equal(await removalOf(rule)(database, now), 0);
  }
});

test('a batch is bounded, takes the oldest, and passes over what somebody else is changing', async () => {
  const [first] = ageRules.filter(({ table }) => table === 'login_tokens');
  assert.ok(first);
  await database.query(statement('test_empty', 'delete from login_tokens'), []);
  for (const at of [5, 1, 4, 2, 3]) await insert('login_tokens', at, { expires_at: at });
  const removeTwo = removalOf({ ...first, batchMax: 2 });
  assert.equal(await removeTwo(database, now), 2);
  assert.deepEqual(await agesIn(first), [3, 4, 5]);
  await database.transaction(async (tx) => {
    await tx.query(statement('test_lock', 'select from login_tokens where expires_at = 3 for update'), []);
    assert.equal(await removeTwo(database, now), 2);
    assert.deepEqual(await agesIn(first), [3]);
  });
  assert.equal(await removeTwo(database, now), 1);
});
