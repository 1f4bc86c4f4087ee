/** Owns bringing a database to this program's schema, and refusing one that the program cannot be trusted with. */
import { Client, DatabaseError } from 'pg';
import { StartError } from '#core/start-error.ts';
import { baselineFingerprint } from '#migrations/baseline/statements.ts';
import { clientConfigOf } from '#storage/client-config.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { migrations } from '#storage/migration-list.ts';
import { startMigrator, type Migrator } from '#storage/migrator.ts';

/** The first key of the advisory lock that one process holds while it migrates; 1 and 2 are rooms and streams. */
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

type State = DatabaseSettings & { readonly applied: readonly string[]; readonly fingerprint: string | null };

/**
 * Runs the migrations that this database lacks. Several processes may do so at once: one migrates, the others wait for it.
 * Throws a `StartError` for a database that is not fit (`assertCollation`), that began with another schema, or that a newer
 * version has migrated. Where nothing is missing this is one query, and MikroORM is not loaded. A `migrator` started earlier saves its start.
 */
export async function migrate(address: DatabaseAddress, migrator?: Migrator): Promise<readonly string[]> {
  await using connection = await connect(address);
  const state = await readState(connection.client);
  assertCollation(state);
  assertBaseline(state);
  if (findMissing(state.applied).length === 0) return [];
  await lockMigrations(connection.client);
  // Another process may have migrated while this one waited. The lock ends with the connection.
  const missing = findMissing((await readState(connection.client)).applied);
  if (missing.length > 0) {
    using own = migrator ?? startMigrator();
    await own.run({ address, names: missing.map(({ name }) => name) });
  }
  return missing.map(({ name }) => name);
}

type Connection = AsyncDisposable & { readonly client: Client };

async function connect(address: DatabaseAddress): Promise<Connection> {
  const client = new Client({ ...clientConfigOf(address), lock_timeout: LOCK_TIMEOUT_MS });
  // The end of this connection shows in its next query.
  client.on('error', () => {});
  await client.connect();
  return { client, [Symbol.asyncDispose]: () => client.end() };
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

/**
 * Throws a `StartError` when the database began with other tables than this program's. The first schema changes until
 * version 0.1, and there is no way from one to the next; later versions have migrations.
 */
function assertBaseline({ applied, fingerprint }: Pick<State, 'applied' | 'fingerprint'>): void {
  if (applied.length === 0 || fingerprint === baselineFingerprint) return;
  throw new StartError(
    'This database was set up by another version of Causeway from before 0.1, whose tables were others, and there is no way ' +
      'over: start the version that made it, or begin with an empty data directory or database.',
  );
}

function sortsByBytes({ provider, collate, ctype, locale }: DatabaseSettings): boolean {
  if (provider === 'b') return locale === 'C' || locale === 'C.UTF-8' || locale === 'C.UTF8';
  return provider !== 'i' && isC(collate) && isC(ctype);
}

function isC(locale: string): boolean {
  return locale === 'C' || locale === 'POSIX';
}

/** The migrations that are not applied. Throws a `StartError` when one is applied that this program does not know. */
function findMissing(applied: readonly string[]): typeof migrations {
  const unknown = applied.find((name) => !migrations.some((migration) => migration.name === name));
  if (unknown !== undefined) {
    throw new StartError(
      `A newer version of Causeway has migrated this database (${unknown}): start that version, or restore a backup from before.`,
    );
  }
  return migrations.filter(({ name }) => !applied.includes(name));
}

/** Settings and applied migrations in one query; a new database takes a second one, as it has no table of migrations. */
async function readState(queryable: Client): Promise<State> {
  try {
    return await queryState(
      queryable,
      'array(select name::text from mikro_orm_migrations order by id)',
      `obj_description('mikro_orm_migrations'::regclass, 'pg_class')`,
    );
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== UNDEFINED_TABLE) throw error;
  }
  return queryState(queryable, "'{}'::text[]", 'null');
}

/** Columns of pg_database have come and been renamed since PostgreSQL 14: as JSON those that are missing are null. */
async function queryState(queryable: Client, applied: string, fingerprint: string): Promise<State> {
  const { rows } = await queryable.query<State>(
    `select current_setting('server_version_num')::int as version,
       pg_encoding_to_char(encoding)::text as encoding,
       to_jsonb(d) ->> 'datlocprovider' as provider,
       datcollate::text as collate,
       datctype::text as ctype,
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale') as locale,
       ${applied} as applied,
       ${fingerprint} as fingerprint
     from pg_database d
     where datname = current_database()`,
  );
  const [state] = rows;
  if (state === undefined) throw new Error('pg_database does not list the current database.');
  return state;
}

async function lockMigrations(client: Client): Promise<void> {
  try {
    await client.query('select pg_advisory_lock($1, 0)', [MIGRATION_LOCK_CLASS]);
  } catch (error) {
    if (!(error instanceof DatabaseError) || error.code !== LOCK_NOT_AVAILABLE) throw error;
    throw new StartError('Another process has been migrating this database for ten minutes: wait for it, or stop it.', {
      cause: error,
    });
  }
}
