/** Owns `causeway verify-backup`. */
import { breakable } from '#cli/breakable.ts';
import { exitCodes, type Command } from '#cli/command.ts';
import { readDirectoryArgument } from '#cli/directory-argument.ts';

export const verifyBackup: Command = {
  help: `Usage: causeway verify-backup DIR

Reads a backup and compares every file with the hash and the count of rows that were written with
it. It needs neither server nor database. "causeway restore" does the same before it writes.`,
  run: async (args) => {
    const { directory } = readDirectoryArgument('verify-backup', args);
    const { checkFiles, readBackup } = await import('#storage/backup/read-backup.ts');
    const { manifest } = await breakable({ name: 'check', left: 'nothing was changed.' }, async (signal) => {
      const found = await readBackup(directory);
      await checkFiles(found, signal);
      return found;
    });
    console.log(`${directory} is whole: ${manifest.server_names.join(', ')} as it was at ${manifest.created_at}.`);
    return exitCodes.ok;
  },
};
