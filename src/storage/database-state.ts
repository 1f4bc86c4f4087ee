/** Owns what a database says of itself before anything is done with it: its settings, its schema, whether it is whole. */
import { Client, DatabaseError } from 'pg';
import { StartError } from '#core/start-error.ts';
import { clientConfigOf } from '#storage/client-config.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';

/** The first key of the advisory lock that one process holds while it migrates or restores; 1 and 2 are rooms and streams. */
const MIGRATION_LOCK_CLASS = 3;
const LOCK_TIMEOUT_MS = 600_000;
/** Older ones are no longer maintained. */
const POSTGRES_VERSION_MIN = 140_000;
const UNDEFINED_TABLE = '42P01';
const LOCK_NOT_AVAILABLE = '55P03';

/** What a database was created with. `provider`: c is the C library, b PostgreSQL itself, i ICU; older servers have only c. */
export type DatabaseSettings = {
  /** As PostgreSQL numbers itself: 180004 is 18.4. */
  readonly version: number;
  readonly encoding: string;
  readonly provider: string | null;
  readonly collate: string;
  readonly ctype: string;
  readonly locale: string | null;
};

export type DatabaseState = DatabaseSettings & {
  /** The migrations that were applied, oldest first. */
  readonly applied: readonly string[];
  /** Of the schema with which it began; null before there is one. */
  readonly fingerprint: string | null;
  /** A backup is being loaded into it, or was once and that did not end. */
  readonly isHalfRestored: boolean;
};

export type SchemaConnection = AsyncDisposable & { readonly client: Client };

/** A connection for what changes the schema, or reads and writes all of it: it may wait long, and be idle for long. */
export async function connectForSchema(address: DatabaseAddress): Promise<SchemaConnection> {
  const client = new Client({ ...clientConfigOf(address), lock_timeout: LOCK_TIMEOUT_MS });
  // The end of this connection shows in its next query.
  client.on('error', () => {});
  await client.connect();
  await client.query('set idle_in_transaction_session_timeout = 0; set statement_timeout = 0');
  return { client, [Symbol.asyncDispose]: () => client.end() };
}

/** Settings and applied migrations in one query; a new database takes a second one, as it has no table of migrations. */
export async function readDatabaseState(client: Client): Promise<DatabaseState> {
  try {
    return await queryState(
      client,
      'array(select name::text from mikro_orm_migrations order by id)',
      `obj_description('mikro_orm_migrations'::regclass, 'pg_class')`,
    );
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== UNDEFINED_TABLE) throw error;
  }
  return queryState(client, "'{}'::text[]", 'null');
}

/** Columns of pg_database have come and been renamed since PostgreSQL 14: as JSON those that are missing are null. */
async function queryState(client: Client, applied: string, fingerprint: string): Promise<DatabaseState> {
  const { rows } = await client.query<DatabaseState>(
    `select current_setting('server_version_num')::int as version,
       pg_encoding_to_char(encoding)::text as encoding,
       to_jsonb(d) ->> 'datlocprovider' as provider,
       datcollate::text as collate,
       datctype::text as ctype,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
       to_regclass('restore_in_progress') is not null as "isHalfRestored",
       ${applied} as applied,
       ${fingerprint} as fingerprint
     from pg_database d
     where datname = current_database()`,
  );
  const [state] = rows;
  if (state === undefined) throw new Error('pg_database does not list the current database.');
  return state;
}

/**
 * Throws a `StartError` when the database's text would sort or compare otherwise than byte by byte: keys are compared with
 * keys that this program has sorted, and an upgrade of the C library or ICU must not corrupt indexes. PostgreSQL's own
 * `C.UTF-8` sorts like C and never changes.
 */
export function assertCollation(settings: DatabaseSettings): void {
  if (settings.version < POSTGRES_VERSION_MIN) {
    const major = Math.floor(settings.version / 10_000);
    throw new StartError(`The database is PostgreSQL ${major}, and Causeway needs 14 or newer: upgrade PostgreSQL.`);
  }
  const remedy = `create one with: CREATE DATABASE causeway TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`;
  if (settings.encoding !== 'UTF8') {
    throw new StartError(`The database has the encoding ${settings.encoding}, and Causeway needs UTF8: ${remedy}`);
  }
  if (sortsByBytes(settings)) return;
  const found =
    settings.provider === 'b' || settings.provider === 'i'
      ? `the locale ${settings.locale ?? 'unknown'}`
      : `the collation ${settings.collate} and character type ${settings.ctype}`;
  throw new StartError(`The database has ${found}, and Causeway needs C: ${remedy}`);
}

function sortsByBytes({ provider, collate, ctype, locale }: DatabaseSettings): boolean {
  if (provider === 'b') return locale === 'C' || locale === 'C.UTF-8' || locale === 'C.UTF8';
  return provider !== 'i' && isC(collate) && isC(ctype);
}

function isC(locale: string): boolean {
  return locale === 'C' || locale === 'POSIX';
}

/** Throws a `StartError` for a database into which a backup was loaded only in part: as it is, it is of no use. */
export function assertWhole({ isHalfRestored }: Pick<DatabaseState, 'isHalfRestored'>): void {
  if (!isHalfRestored) return;
  throw new StartError(
    'A restore into this database is under way or was broken off: let it end, run "causeway restore" once more, or begin ' +
      'with an empty data directory or database.',
  );
}

/**
 * Waits until no other process migrates or restores this database, and keeps them from it until the connection ends; one
 * that holds it exclusively waits for backups as well, which share it. Throws a `StartError` after ten minutes.
 */
export async function lockMigrations(client: Client, mode: 'exclusive' | 'shared'): Promise<void> {
  const lock = mode === 'shared' ? 'pg_advisory_lock_shared' : 'pg_advisory_lock';
  try {
    await client.query(`select ${lock}($1, 0)`, [MIGRATION_LOCK_CLASS]);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
    throw new StartError(
      'Another process has been migrating, restoring or backing up this database for ten minutes: wait for it, or stop it.',
      { cause: error },
    );
  }
}
