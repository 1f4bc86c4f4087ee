/** Owns `causeway backup`. */
import { existsSync } from 'node:fs';
import { StartError } from '#core/start-error.ts';
import { readVersion } from '#core/version.ts';
import { breakable } from '#cli/breakable.ts';
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { readDirectoryArgument } from '#cli/directory-argument.ts';
import { withDatabase } from '#cli/with-database.ts';

const MEGABYTE = 1_000_000;

export const backup: Command = {
  help: `Usage: causeway backup DIR [--config FILE]

Writes all that the server keeps into a new or empty directory, whether the server is running or
not: accounts, rooms, messages, keys, as they were at one moment. DIR comes to be when the backup is
complete and on disk. It holds every secret of the server: keep it as one. See docs/backup.md.

${configHelp}`,
  run: async (args) => {
    const { directory, configFile } = readDirectoryArgument('backup', args);
    const config = await loadConfigFile(configFile);
    if (config.database.url === undefined && !existsSync(config.dataDir)) {
      throw new StartError(`There is nothing to back up: ${config.dataDir} does not exist.`);
    }
    const { writeBackup } = await import('#storage/backup/write-backup.ts');
    const { tables } = await breakable({ name: 'backup', left: 'nothing is left of it.' }, (signal) =>
      withDatabase(config, (address) => writeBackup({ address, directory, version: readVersion(), signal })),
    );
    const total = (of: (table: (typeof tables)[number]) => number): number =>
      tables.reduce((sum, table) => sum + of(table), 0);
    const rows = total((table) => table.rows).toLocaleString('en');
    const megabytes = (total((table) => table.bytes) / MEGABYTE).toFixed(1);
    console.log(`Backed up ${rows} rows of ${tables.length} tables to ${directory}: ${megabytes} MB.`);
    return exitCodes.ok;
  },
};
