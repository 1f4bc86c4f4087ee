/** Owns loading a backup into an empty database: all of it or nothing. */
import { pipeline } from 'node:stream/promises';
import { escapeIdentifier, type Client } from 'pg';
import { from as copyFrom } from 'pg-copy-streams';
import { StartError } from '#core/start-error.ts';
import { baselineFingerprint } from '#migrations/baseline/statements.ts';
import { copyTarget, notOfExtension, readTables } from '#storage/backup/catalogue.ts';
import type { Manifest, TableOfBackup } from '#storage/backup/manifest.ts';
import { openRows, type Backup } from '#storage/backup/read-backup.ts';
import { txOn, type Tx } from '#storage/database.ts';
import { assertCollation, connectForSchema, lockMigrations, readDatabaseState } from '#storage/database-state.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { migrations } from '#storage/migration-list.ts';
import { startMigrator } from '#storage/migrator.ts';

export type LoadBackupParts = {
  readonly address: DatabaseAddress;
  /** Whose files have been checked. */
  readonly backup: Backup;
  /** Run in the transaction that loads, after the rows: what a state that comes back must forget. */
  readonly onLoaded: (tx: Tx) => Promise<void>;
  readonly signal: AbortSignal;
};

/**
 * Makes the tables as they were when the backup was taken, and fills them in one transaction. Until it commits a table
 * that is there only meanwhile makes every other command refuse the database. Throws a `StartError` when the database is
 * not empty or not fit, or when the backup has another schema than this program.
 */
export async function loadBackup({ address, backup, onLoaded, signal }: LoadBackupParts): Promise<void> {
  const { directory, manifest } = backup;
  assertKnownSchema(manifest);
  await using connection = await connectForSchema(address);
  const { client } = connection;
  signal.addEventListener('abort', () => void client.end(), { once: true });
  assertCollation(await readDatabaseState(client));
  await lockMigrations(client, 'exclusive');
  const { isHalfRestored } = await readDatabaseState(client);
  // One that was broken off has left tables without rows, and is gone on with.
  if (!isHalfRestored) await markEmptyDatabase(client);
  {
    using migrator = startMigrator();
    await migrator.run({ address, names: manifest.schema.migrations });
  }
  await client.query('begin');
  await assertSameTables(client, manifest);
  // Whoever would write meanwhile waits. A table that is emptied in the transaction that fills it takes frozen rows, and
  // where PostgreSQL keeps the least of a log, rows that are not logged.
  const names = manifest.tables.map(({ name }) => escapeIdentifier(name)).join(', ');
  await client.query(`truncate ${names}`);
  const indexes = await dropIndexes(client);
  for (const table of manifest.tables) await loadTable(client, directory, table, signal);
  for (const { name, last_value } of manifest.sequences) {
    await client.query('select setval($1::regclass, $2)', [escapeIdentifier(name), last_value]);
  }
  for (const index of indexes) await client.query(index);
  await onLoaded(txOn(client));
  await client.query('drop table restore_in_progress');
  await client.query(`analyze ${names}`);
  await client.query('commit');
}

/** The migrations that a backup has had must be ours; those that it lacks are made up for by the next start. */
function assertKnownSchema({ schema, causeway }: Manifest): void {
  const isKnown = schema.migrations.every((name, index) => migrations[index]?.name === name);
  if (isKnown && schema.migrations.length > 0 && schema.fingerprint === baselineFingerprint) return;
  throw new StartError(
    `This backup has the tables of another version of Causeway (${causeway}), which this one cannot read: restore it with ` +
      'the version that made it.',
  );
}

/** Throws a `StartError` unless there is nothing in the database. */
async function markEmptyDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query(
    `select from pg_class c join pg_namespace n on n.oid = relnamespace
     where nspname = current_schema() and ${notOfExtension} limit 1`,
  );
  if (rowCount !== 0) {
    throw new StartError(
      'A backup is restored into an empty database only, and this one has tables already: take another data directory or ' +
        'database.',
    );
  }
  await client.query('create table restore_in_progress (started_at timestamptz not null default now())');
}

async function assertSameTables(client: Client, manifest: Manifest): Promise<void> {
  const own = (await readTables(client)).map(copyTarget);
  const theirs = manifest.tables.map(copyTarget);
  if (own.join('\n') === theirs.join('\n')) return;
  const differs = theirs.find((table) => !own.includes(table)) ?? own.find((table) => !theirs.includes(table));
  throw new StartError(`The backup's tables are not this program's, ${differs} for one: use the version that made it.`);
}

/** Drops the indexes that are not constraints, since making them afterwards is faster; gives what makes them again. */
async function dropIndexes(client: Client): Promise<readonly string[]> {
  const { rows } = await client.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index i join pg_class c on c.oid = indrelid join pg_namespace n on n.oid = relnamespace
     where nspname = current_schema() and relpersistence = 'p' and ${notOfExtension}
       and not exists (select from pg_constraint where conindid = indexrelid)
     order by indexrelid`,
  );
  if (rows.length > 0) await client.query(`drop index ${rows.map(({ name }) => name).join(', ')}`);
  return rows.map(({ definition }) => definition);
}

async function loadTable(client: Client, directory: string, table: TableOfBackup, signal: AbortSignal): Promise<void> {
  const target = client.query(copyFrom(`copy ${copyTarget(table)} from stdin with (freeze)`));
  await pipeline(openRows(directory, table), target, { signal });
  if (target.rowCount !== table.rows) {
    throw new Error(`PostgreSQL took ${target.rowCount} of the ${table.rows} rows of ${table.name}.`);
  }
}
