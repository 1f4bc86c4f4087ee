/** Owns `causeway restore`. */
import { systemClock } from '#core/clock.ts';
import { StartError } from '#core/start-error.ts';
import { breakable } from '#cli/breakable.ts';
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { readDirectoryArgument } from '#cli/directory-argument.ts';
import { withDatabase } from '#cli/with-database.ts';

export const restore: Command = {
  help: `Usage: causeway restore DIR [--config FILE]

Loads a backup into the database of the configuration, which must be empty: that of database.url, or
the embedded one of an empty data directory. All of it is loaded or nothing; after a restore that
was broken off the server refuses to start until "causeway restore" has been run again. Stop the
server that the backup is of for good before the restored one starts. See docs/backup.md.

${configHelp}`,
  run: async (args) => {
    const { directory, configFile } = readDirectoryArgument('restore', args);
    const config = await loadConfigFile(configFile);
    const { checkFiles, readBackup } = await import('#storage/backup/read-backup.ts');
    const { loadBackup } = await import('#storage/backup/load-backup.ts');
    const { beginNewEpoch } = await import('#streams/token-epochs.ts');
    const { forgetOneTimeKeys } = await import('#users/keys/forget-one-time-keys.ts');
    const { manifest } = await breakable({ name: 'restore', left: 'run it again.' }, async (signal) => {
      const backup = await readBackup(directory);
      const names = new Set(backup.manifest.server_names);
      if (!names.has(config.serverName)) {
        throw new StartError(
          `The backup is of the server ${[...names].join(', ')}, and the configuration says ${config.serverName}: set server_name.`,
        );
      }
      await checkFiles(backup, signal);
      const onLoaded: Parameters<typeof loadBackup>[0]['onLoaded'] = (tx) =>
        beginNewEpoch({ clock: systemClock, onNewEpoch: forgetOneTimeKeys }, tx);
      await withDatabase(config, (address) => loadBackup({ address, backup, onLoaded, signal }));
      return backup;
    });
    console.log(`Restored ${config.serverName} as it was at ${manifest.created_at}. It can be started now.`);
    return exitCodes.ok;
  },
};
