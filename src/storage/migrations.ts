/** Owns bringing a database to this program's schema, and refusing one that the program cannot be trusted with. */
import { once } from 'node:events';
import { StartError } from '#core/start-error.ts';
import { baselineFingerprint } from '#migrations/baseline/statements.ts';
import {
  assertCollation,
  assertWhole,
  connectForSchema,
  lockMigrations,
  readDatabaseState,
  type DatabaseState,
} from '#storage/database-state.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';
import { migrations } from '#storage/migration-list.ts';
import { startMigrator, type Migrator } from '#storage/migrator.ts';

/**
 * Runs the migrations that this database lacks. Several processes may do so at once: one migrates, the others wait for it.
 * Throws a `StartError` for a database that is not fit (`assertCollation`), that a restore has left unfinished, that began
 * with another schema, or that a newer version has migrated. Where nothing is missing this is one query, and MikroORM is
 * not loaded. A `migrator` started earlier saves its start.
 */
export async function migrate(address: DatabaseAddress, migrator?: Migrator): Promise<readonly string[]> {
  await using connection = await connectForSchema(address);
  const state = await readDatabaseState(connection.client);
  assertCollation(state);
  assertWhole(state);
  assertBaseline(state);
  if (findMissing(state.applied).length === 0) return [];
  await lockMigrations(connection.client, 'exclusive');
  // Another process may have migrated, or begun to restore, while this one waited. The lock ends with the connection.
  const now = await readDatabaseState(connection.client);
  assertWhole(now);
  const missing = findMissing(now.applied);
  if (missing.length > 0) {
    using own = migrator ?? startMigrator();
    // MikroORM may wait for ever on a connection that broke; this one breaks with it, and the process ends.
    const lost = once(connection.client, 'end').then(() => Promise.reject(new Error(connectionLost)));
    // It ends in any case, and mostly when there is nobody to be told any more.
    lost.catch(() => undefined);
    await Promise.race([own.run({ address, names: missing.map(({ name }) => name) }), lost]);
  }
  return missing.map(({ name }) => name);
}

const connectionLost = 'The connection to PostgreSQL was lost while the database was migrated.';

/**
 * Throws a `StartError` when the database began with other tables than this program's. The first schema changes until
 * version 0.1, and there is no way from one to the next; later versions have migrations.
 */
function assertBaseline({ applied, fingerprint }: Pick<DatabaseState, 'applied' | 'fingerprint'>): void {
  if (applied.length === 0 || fingerprint === baselineFingerprint) return;
  throw new StartError(
    'This database was set up by another version of Causeway from before 0.1, whose tables were others, and there is no way ' +
      'over: start the version that made it, or begin with an empty data directory or database.',
  );
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
