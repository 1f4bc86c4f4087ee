/** Owns MikroORM: the entities on a pool of their own, for migrations and for the comparison of schemas. */
import { EntityCaseNamingStrategy, MikroORM, type Options } from '@mikro-orm/postgresql';
import { PostgresDialect } from 'kysely';
import { Client, Pool, type ClientConfig } from 'pg';
import type { Logger } from '#core/logger.ts';
import { clientConfigOf } from '#storage/client-config.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { entities } from '#storage/entities/entities.ts';

export type OrmOptions = {
  /** The greatest number of connections in the pool. */
  readonly poolSize: number;
  readonly logger: Logger;
};

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

/** The pool that the entity manager uses. Closing the entity manager ends it. */
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
