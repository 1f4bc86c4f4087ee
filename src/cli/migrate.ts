/** Owns `causeway migrate`. */
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFor } from '#cli/config-option.ts';
import { withDatabase } from '#cli/with-database.ts';

export const migrate: Command = {
  help: `Usage: causeway migrate [--config FILE]

Brings the database to the schema of this version. "causeway start" does the same by itself; this
is for doing it beforehand. It prints the migrations that it ran, and may be run again.

${configHelp}`,
  run: async (args) => {
    const config = await loadConfigFor(args);
    const { migrateDatabase } = await import('#server.ts');
    const names = await withDatabase(config, (address) => migrateDatabase(config, address));
    console.log(names.length === 0 ? 'The database is up to date.' : `Migrated: ${names.join(', ')}.`);
    return exitCodes.ok;
  },
};
