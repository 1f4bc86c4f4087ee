/** Owns running migrations: the entry of the process that loads MikroORM for it. */
import { once } from 'node:events';
import { Migrator } from '@mikro-orm/migrations';
import { createLogger } from '#core/logger.ts';
import { migrations, type MigrationTask } from '#storage/migration-list.ts';
import { createOrm } from '#storage/orm.ts';

// Ends without a task when the server does.
const [task]: MigrationTask[] = await Promise.race([once(process, 'message'), once(process, 'disconnect')]);
if (task !== undefined) await run(task);
if (process.connected) process.disconnect();

async function run({ address, names }: MigrationTask): Promise<void> {
  const missing = migrations.filter(({ name }) => names.includes(name));
  const migrationsList = await Promise.all(missing.map(async ({ name, load }) => ({ name, class: await load() })));
  const orm = await createOrm(address, { poolSize: 1, logger: createLogger('warn') });
  orm.config.set('migrations', { ...orm.config.get('migrations'), migrationsList });
  try {
    await new Migrator(orm.em).up();
  } finally {
    await orm.close();
  }
}
