/** Owns the list of migrations, and how some of them are asked for. */
import type { DatabaseAddress } from '#storage/embedded/connection.ts';

/** What the migrating process is told: the database, and which migrations it lacks. */
export type MigrationTask = { readonly address: DatabaseAddress; readonly names: readonly string[] };

/**
 * All migrations, oldest first, by name rather than by listing a directory: what is packed is what runs. They are loaded only
 * when one is missing from the database.
 */
export const migrations = [
  {
    name: 'Migration20261122000000_baseline',
    load: async () =>
      (await import('#migrations/Migration20261122000000_baseline.ts')).Migration20261122000000_baseline,
  },
];
