/** Owns running migrations: the entry of the thread that loads MikroORM for it. */
import { workerData } from 'node:worker_threads';
import { Migrator } from '@mikro-orm/migrations';
import { createLogger } from '#core/logger.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { migrations } from '#storage/migration-list.ts';
import { createOrm } from '#storage/orm.ts';

/** What the thread is started with: the database, and which migrations it lacks. */
export type MigrationTask = { readonly address: DatabaseAddress; readonly names: readonly string[] };

const { address, names }: MigrationTask = workerData;
const missing = migrations.filter(({ name }) => names.includes(name));
const migrationsList = await Promise.all(missing.map(async ({ name, load }) => ({ name, class: await load() })));
const orm = await createOrm(address, { poolSize: 1, logger: createLogger('warn') });
orm.config.set('migrations', { ...orm.config.get('migrations'), migrationsList });
try {
  await new Migrator(orm.em).up();
} finally {
  await orm.close();
}
