/** Owns the rules about the database: SQL lives in storage/, and a table is written by its owner only. */
import { finding, isProduct, type TidyRule } from '#test/tidy/rule.ts';
import { importedPath, type SourceFile } from '#test/tidy/source-file.ts';
import { tableOwners } from '#test/tidy/table-owners.ts';

const statement =
  /^\s*(?:select\s+(?:[\s\S]*\sfrom\s|\d|\w+\()|with\s+(?:recursive\s+)?\w+[\s\S]{0,80}\bas\s*\(|insert\s+into\s|update\s+\w+[\s\S]*\sset\s|delete\s+from\s|truncate\s|(?:create|alter|drop)\s+(?:table|index|function|schema|database|role|unique)\s|listen\s+"?\w+"?$|notify\s+\w)/i;
const databasePackage = /^(?:pg|pg-[\w-]+|kysely|@mikro-orm\/.+)$/;

function isStorage(file: SourceFile): boolean {
  return file.path.startsWith('src/storage/') || file.path.startsWith('migrations/');
}

export const sqlInStorage: TidyRule = {
  name: 'only storage/ knows SQL',
  check: (files) =>
    files
      .filter((file) => isProduct(file) && !isStorage(file))
      .flatMap((file) => [
        ...file.literals
          .filter(({ text }) => statement.test(text))
          .map(({ offset }) => finding(file, offset, 'SQL belongs to storage/.')),
        ...file.imports
          .filter(({ text }) => databasePackage.test(text))
          .map(({ text, offset }) => finding(file, offset, `imports ${text}, which belongs to storage/.`)),
        ...[...file.code.matchAll(/\bEntityManager\b|\bgetKysely\b/g)].map((match) =>
          finding(file, match.index, `${match[0]} belongs to storage/.`),
        ),
      ]),
  good: [
    {
      'src/storage/a.ts': "import pg from 'pg';\nconst q = 'select 1';",
      'test/a.test.ts': "query('delete from events')",
    },
    { 'src/rooms/a.ts': "throw new Error('Select one room.'); // select a from b" },
  ],
  bad: [
    { 'src/rooms/a.ts': "query('SELECT a FROM b WHERE c')" },
    { 'src/rooms/a.ts': 'query(`\n  insert into events (a)\n  values (${b})`)' },
    { 'src/rooms/a.ts': "query('with a as (select 1) select')" },
    { 'src/rooms/a.ts': "query('update a set b = 1')" },
    { 'src/api/a.ts': "import { sql } from 'kysely';" },
    { 'src/api/a.ts': "import type { Pool } from 'pg';" },
    { 'src/api/a.ts': 'function f(em: EntityManager) {}' },
  ],
};

const writes =
  /\b(?:insert\s+into|merge\s+into|delete\s+from(?:\s+only)?|truncate(?:\s+table)?|update(?:\s+only)?(?=\s+[\w".]+(?:\s+(?:as\s+)?\w+)?\s+set\b))\s+"?([a-z_][\w.]*)"?/gi;
const builderWrite = /\b(?:insertInto|updateTable|deleteFrom|mergeInto|replaceInto)\s*\(\s*['"]/g;

type Write = { readonly table: string; readonly offset: number };

/** The tables that a file writes, by statements in strings and by the query builder. */
function writesOf(file: SourceFile): Write[] {
  const bySql = file.literals.flatMap(({ text, offset }) =>
    [...text.matchAll(writes)].map((match) => ({
      table: (match[1] ?? '').toLowerCase(),
      offset: offset + match.index,
    })),
  );
  const byBuilder = [...file.code.matchAll(builderWrite)].map((match) => {
    const offset = match.index + match[0].length;
    return { table: /^\w*/.exec(file.text.slice(offset))?.[0] ?? '', offset };
  });
  return [...bySql, ...byBuilder];
}

/** `rooms` for `src/storage/rooms/x.ts`; `storage` for what lies in `src/storage` itself. */
function ownerOf(filePath: string): string | undefined {
  const match = /^src\/storage\/(?:([^/]+)\/)?[^/]+$/.exec(filePath) ?? /^src\/storage\/([^/]+)\//.exec(filePath);
  return match === null ? undefined : (match[1] ?? 'storage');
}

/** Deletes what is too old from tables of every owner, by rules that a test compares with what docs/data.md says of each. */
const sweepsAllTables = 'src/storage/age-rules.ts';

/** The check for a map of owners, so that samples need not know the real tables. */
function checkOwners(files: readonly SourceFile[], owners: Readonly<Record<string, string>>): string[] {
  return files
    .filter((file) => isProduct(file) && file.path.startsWith('src/storage/') && file.path !== sweepsAllTables)
    .flatMap((file) =>
      writesOf(file).flatMap(({ table, offset }) => {
        const owner = Object.hasOwn(owners, table) ? owners[table] : undefined;
        if (owner === undefined)
          return [finding(file, offset, `writes ${table}, which has no owner in table-owners.ts.`)];
        return owner === ownerOf(file.path)
          ? []
          : [finding(file, offset, `writes ${table}, which belongs to ${owner}.`)];
      }),
    );
}

const sampleOwners = { sample_rooms: 'rooms', sample_leases: 'storage' };

export const tablesHaveOwners: TidyRule = {
  name: 'a table is written in the storage folder of its owner only',
  check: (files) => checkOwners(files, { ...sampleOwners, ...tableOwners }),
  good: [
    { 'src/storage/rooms/a.ts': "q('insert into sample_rooms (a) values ($1) on conflict (a) do update set b = 1')" },
    {
      'src/storage/rooms/deep/a.ts': "db.updateTable('sample_rooms')",
      'src/storage/a.ts': "q('delete from sample_leases')",
    },
    { 'src/storage/users/a.ts': "q('select a from sample_rooms for update skip locked')" },
  ],
  bad: [
    { 'src/storage/users/a.ts': "q('INSERT INTO sample_rooms (a) VALUES ($1)')" },
    { 'src/storage/users/a.ts': 'q(`with a as (update sample_rooms r set b = 1 returning c) select c from a`)' },
    { 'src/storage/users/a.ts': "q('delete from only sample_rooms')" },
    { 'src/storage/users/a.ts': "db.deleteFrom('sample_rooms')" },
    { 'src/storage/users/a.ts': "db.insertInto('sample_unknown')" },
    { 'src/storage/a.ts': "q('truncate sample_rooms')" },
  ],
};

export const writesForOwners: TidyRule = {
  name: 'a file that writes is imported by its owner only',
  check: (files) => {
    const writers = new Map(
      files
        .filter((file) => isProduct(file) && file.path.startsWith('src/storage/') && writesOf(file).length > 0)
        .map((file) => [file.path, ownerOf(file.path)]),
    );
    return files.filter(isProduct).flatMap((file) =>
      file.imports.flatMap(({ text, offset }) => {
        const owner = writers.get(importedPath(text) ?? '');
        if (owner === undefined || owner === 'storage' || ownerOf(file.path) === owner) return [];
        if (file.path.startsWith(`src/${owner}/`)) return [];
        return [finding(file, offset, `imports ${text}, which writes tables of ${owner}.`)];
      }),
    );
  },
  good: [
    {
      'src/storage/rooms/a.ts': "db.insertInto('sample_rooms')",
      'src/storage/rooms/find.ts': "q('select a from sample_rooms')",
      'src/storage/lease.ts': "q('delete from sample_leases')",
      'src/rooms/b.ts': "import { a } from '#storage/rooms/a.ts';",
      'src/sync/b.ts': "import { a } from '#storage/rooms/find.ts';\nimport { l } from '#storage/lease.ts';",
    },
  ],
  bad: [
    {
      'src/storage/rooms/a.ts': "db.insertInto('sample_rooms')",
      'src/sync/b.ts': "import { a } from '#storage/rooms/a.ts';",
    },
    {
      'src/storage/rooms/a.ts': "q('delete from sample_rooms')",
      'src/storage/users/b.ts': "import { a } from '#storage/rooms/a.ts';",
    },
  ],
};
