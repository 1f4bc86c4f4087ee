/** Owns databases that only the migrations have touched, for the tests of storage. */
import type { MikroORM } from '@mikro-orm/postgresql';
import { createLogger } from '#core/logger.ts';
import type { EmbeddedConnection } from '#storage/embedded/connection.ts';
import { migrate } from '#storage/migrations.ts';
import { createOrm } from '#storage/orm.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

const logger = createLogger('warn');

export function openOrm(connection: EmbeddedConnection, poolSize = 2): Promise<MikroORM> {
  return createOrm(connection, { poolSize, logger });
}

export function createMigratedDatabase(): Promise<TestDatabase> {
  return createTestDatabase(async (connection) => {
    await migrate(connection);
  }, 'migrated_template');
}
