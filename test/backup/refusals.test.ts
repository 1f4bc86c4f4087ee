/** Proves that a damaged or foreign backup, and a database that is not empty or not fit, are refused before anything is written. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { StartError } from '#core/start-error.ts';
import { checkFiles, readBackup } from '#storage/backup/read-backup.ts';
import { manifestFile, manifestHashFile, tableFile } from '#storage/backup/manifest.ts';
import { expectRefusal } from '#test/backup/commands.ts';
import { makeSmallBackup, type SmallBackup } from '#test/backup/small-backup.ts';
import { asObject, type JsonObject } from '#test/support/matrix-shapes.ts';
import { createTestDatabase } from '#test/support/test-database.ts';

let small: SmallBackup;
let copies = 0;

before(async () => {
  small = await makeSmallBackup();
});
after(() => small[Symbol.asyncDispose]());

/** A copy of the backup, to be damaged. */
function copyBackup(): string {
  const directory = path.join(small.folder, `copy-${(copies += 1)}`);
  cpSync(small.directory, directory, { recursive: true });
  return directory;
}

function flipByte(file: string): void {
  const bytes = readFileSync(file);
  const middle = Math.floor(bytes.length / 2);
  bytes[middle] = (bytes[middle] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** A copy whose manifest says something else, and is whole. */
function copyWith(change: (manifest: JsonObject) => JsonObject): string {
  const directory = copyBackup();
  const file = path.join(directory, manifestFile);
  const text = JSON.stringify(change(asObject(JSON.parse(readFileSync(file, 'utf8')), 'the manifest')));
  writeFileSync(file, text);
  const hash = createHash('sha256').update(text).digest('hex');
  writeFileSync(path.join(directory, manifestHashFile), `${hash}  ${manifestFile}\n`);
  return directory;
}

async function relationsOf(url: string): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const { rowCount } = await client.query(`select from pg_class where relnamespace = 'public'::regnamespace`);
  await client.end();
  return rowCount ?? -1;
}

test('one wrong byte in any file is found, and the file is named', async () => {
  const { manifest } = await readBackup(small.directory);
  const never = new AbortController().signal;
  await checkFiles({ directory: small.directory, manifest }, never);
  const files = [manifestFile, manifestHashFile, ...manifest.tables.map(({ name }) => tableFile(name))];
  assert.ok(files.length > 40);
  const damaged = copyBackup();
  for (const name of files) {
    flipByte(path.join(damaged, name));
    const named = name === manifestHashFile ? manifestFile : name;
    await assert.rejects(
      async () => checkFiles(await readBackup(damaged), never),
      (error) => error instanceof StartError && error.message.startsWith(`${path.join(damaged, named)} is damaged`),
      name,
    );
    cpSync(path.join(small.directory, name), path.join(damaged, name));
  }
  rmSync(path.join(damaged, tableFile('accounts')));
  await assert.rejects(async () => checkFiles(await readBackup(damaged), never), /accounts\.copy\.zst is missing/);
});

test('a damaged backup is refused before the database is touched', async () => {
  await using empty = await createTestDatabase();
  const damaged = copyBackup();
  flipByte(path.join(damaged, tableFile('event_json')));
  const sentence = /event_json\.copy\.zst is damaged.*: use another backup\.$/m;
  await expectRefusal(['verify-backup', damaged], { databaseUrl: empty.url }, sentence);
  await expectRefusal(['restore', damaged], { databaseUrl: empty.url }, sentence);
  assert.equal(await relationsOf(empty.url), 0);
});

for (const [what, change, sentence] of [
  ['of other tables', { schema: { fingerprint: 'other', migrations: ['a'] } }, /tables of another version of Causeway/],
  ['of a later format', { format: 2 }, /is of another version of Causeway/],
  [
    'of another server',
    { server_names: ['hs2.test'] },
    /of the server hs2\.test, and the configuration says hs1\.test/,
  ],
  ['without its tables', { tables: [] }, /tables are not this program's/],
] as const) {
  test(`a backup ${what} is refused`, async () => {
    await using empty = await createTestDatabase();
    const foreign = copyWith((manifest) => ({ ...manifest, ...change }));
    await expectRefusal(['restore', foreign], { databaseUrl: empty.url }, sentence);
  });
}

test('a database that is not empty, or does not sort by bytes, is refused', async () => {
  await expectRefusal(['restore', small.directory], { databaseUrl: small.source.url }, /empty database only/);
  const { connection } = small.source;
  const admin = new Client(connection);
  await admin.connect();
  const name = `${connection.database}_latin`;
  await admin.query(`create database ${name} template template0 encoding 'LATIN1' lc_collate 'C' lc_ctype 'C'`);
  try {
    const url = small.source.url.replace(/[^/]+$/, name);
    await expectRefusal(['restore', small.directory], { databaseUrl: url }, /encoding LATIN1, and Causeway needs UTF8/);
    assert.equal(await relationsOf(url), 0);
  } finally {
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  }
});

test('a backup goes into a new or empty directory, and there must be something to back up', async () => {
  const place = { databaseUrl: small.source.url };
  await expectRefusal(['backup', small.directory], place, /is not empty/);
  await using empty = await createTestDatabase();
  const elsewhere = path.join(small.folder, 'elsewhere');
  await expectRefusal(['backup', elsewhere], { databaseUrl: empty.url }, /nothing to back up/);
  const absent = path.join(small.folder, 'no-data');
  await expectRefusal(['backup', elsewhere], { dataDir: absent }, /nothing to back up/);
  assert.deepEqual([existsSync(elsewhere), existsSync(absent)], [false, false]);
  await expectRefusal(['restore', elsewhere], place, /is no backup: it has no manifest\.json/);
  mkdirSync(elsewhere);
  await expectRefusal(['verify-backup', elsewhere], place, /is no backup/);
});
