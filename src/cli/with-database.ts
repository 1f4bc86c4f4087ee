/** Owns giving a command the database of a configuration, whether or not the server is running. */
import type { Config } from '#config/schema.ts';
import type { DatabaseAddress } from '#storage/embedded/connection.ts';

/**
 * Calls `work` with the configured database. The embedded PostgreSQL of a running server is used as it is; where none
 * runs it is started for as long as the work takes. Throws a `StartError` where it cannot be started.
 */
export async function withDatabase<T>(config: Config, work: (address: DatabaseAddress) => Promise<T>): Promise<T> {
  if (config.database.url !== undefined) return work({ connectionString: config.database.url });
  const { findRunningPostgres } = await import('#storage/embedded/find-running-postgres.ts');
  const running = findRunningPostgres(config.dataDir);
  if (running) return work(running);
  const { startEmbeddedPostgres } = await import('#storage/embedded/start-embedded-postgres.ts');
  const { createLogger } = await import('#core/logger.ts');
  const { systemClock } = await import('#core/clock.ts');
  await using postgres = await startEmbeddedPostgres({
    dataDir: config.dataDir,
    logger: createLogger('warn'),
    clock: systemClock,
  });
  return await work(postgres.connection);
}
