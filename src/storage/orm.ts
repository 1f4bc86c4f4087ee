/** Owns the connections to the database: the pool, how its values are read, and the entity manager on top. */
import { EntityCaseNamingStrategy, MikroORM, type Options } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import { Client, Pool, TypeOverrides, type ClientConfig } from 'pg';
import type { Logger } from '#core/logger.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { entities } from '#storage/entities/entities.ts';

export type OrmOptions = {
  /** The greatest number of connections in the pool. */
  readonly poolSize: number;
  readonly logger: Logger;
};

/** The object identifiers of `bigint` and `bigint[]` in the catalogue of every PostgreSQL. */
const INT8 = 20;
const INT8_ARRAY = 1016;

/**
 * The number that a `bigint` is. Throws beyond 2^53, where a number would silently be another one. PostgreSQL's driver hands
 * the error to the query.
 */
export function parseInt8(text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value)) throw new RangeError(`The bigint ${text} does not fit into a number.`);
  return value;
}

function int8Types(): TypeOverrides {
  const types = new TypeOverrides();
  types.setTypeParser(INT8, parseInt8);
  types.setTypeParser(INT8_ARRAY, (text) => parseInt8Array(text));
  return types;
}

/** Arrays of `bigint` are flat and never hold null in this schema. */
function parseInt8Array(text: string): number[] {
  return text === '{}' ? [] : text.slice(1, -1).split(',').map(parseInt8);
}

/**
 * What `pg` needs for a connection that reads values as this program does: for the pool, and for clients of their own such
 * as the writer's. No connection may sit in a transaction, or wait for a lock, for longer than it may hold up the others.
 */
export function clientConfigOf(address: DatabaseAddress): ClientConfig {
  return {
    ...address,
    application_name: 'causeway',
    types: int8Types(),
    lock_timeout: 2_000,
    idle_in_transaction_session_timeout: 5_000,
  };
}

/** An entity manager that owns its pool: Kysely, inside it, ends a pool only if it has used it itself. */
class PooledOrm extends MikroORM {
  readonly pool: Pool;

  constructor(pool: Pool, options: Options) {
    super(options);
    this.pool = pool;
  }

  override async close(force?: boolean): Promise<void> {
    await super.close(force);
    if (!this.pool.ending) await this.pool.end();
  }
}

/** The pool that the entity manager uses, for named statements of `pg`. Closing the entity manager ends it. */
export function poolOf(orm: MikroORM): Pool {
  if (!(orm instanceof PooledOrm)) throw new Error('This entity manager was not made by createOrm.');
  return orm.pool;
}

/** The entity manager over a pool of its own. It does not connect before the first query, and reads and writes no files. */
export async function createOrm(address: DatabaseAddress, { poolSize, logger }: OrmOptions): Promise<MikroORM> {
  const config = clientConfigOf(address);
  const pool = new Pool({ ...config, max: poolSize });
  // Without listeners the end of a connection would end the process. The query in flight fails by itself. Only the message
  // is logged, as the pool hangs the whole client on the error.
  pool.on('connect', (client) =>
    client.on('error', ({ message }) => {
      if (!pool.ending) logger.warn({ reason: message }, 'A connection to the database ended.');
    }),
  );
  // The pool repeats what the client of an idle connection has said already.
  pool.on('error', () => {});
  const orm = new PooledOrm(pool, {
    entities,
    dbName: databaseOf(config),
    namingStrategy: EntityCaseNamingStrategy,
    // A dialect of ours rather than MikroORM's, so that `pg` alone interprets the address.
    driverOptions: () => new PostgresDialect({ pool }),
    ensureDatabase: false,
    metadataCache: { enabled: false },
    colors: false,
    logger: (message) => logger.debug(message),
    schemaGenerator: { ignoreRoutines: true },
    migrations: { snapshot: false, silent: true },
  });
  await orm.connect();
  return orm;
}

/** The database's name, as `pg` understands the address. */
function databaseOf(config: ClientConfig): string {
  const { database } = new Client(config);
  if (database === undefined) throw new Error('The address names no database.');
  return database;
}
