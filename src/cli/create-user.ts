/** Owns `causeway create-user`. */
import { parseArgs } from 'node:util';
import { exitCodes, UsageError, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { askForName, askForPassword, readPasswordFromStdin } from '#cli/ask.ts';
import { withDatabase } from '#cli/with-database.ts';

export const createUser: Command = {
  help: `Usage: causeway create-user [NAME] [--admin] [--password-stdin] [--config FILE]

Creates an account, whether the server is running or not, and asks for what is not given. NAME is
the part of the user ID before the colon: "alice" of @alice:example.org.

  --admin            the account may administer the server
  --password-stdin   read the password from standard input, for scripts; a password among the
                     arguments could be seen by every user of the machine
${configHelp}`,
  run: async (args) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' }, admin: { type: 'boolean' }, 'password-stdin': { type: 'boolean' } },
    });
    if (positionals.length > 1) throw new UsageError('create-user takes one name.');
    const readsPassword = values['password-stdin'] === true;
    if (!readsPassword && !process.stdin.isTTY) {
      throw new UsageError('There is no terminal to ask for a password: give it with --password-stdin.');
    }
    if (readsPassword && positionals[0] === undefined) throw new UsageError('--password-stdin needs a NAME.');
    // Before any question is asked, so that nobody types a password in vain.
    const config = await loadConfigFile(values.config);
    const localpart = positionals[0] ?? (await askForName(config.serverName));
    const password = readsPassword ? await readPasswordFromStdin() : await askForPassword();

    const { createLocalAccount } = await import('#server.ts');
    const account = { localpart, password, admin: values.admin === true };
    const { userId } = await withDatabase(config, (address) => createLocalAccount(config, address, account));
    console.log(`Created ${userId}.`);
    return exitCodes.ok;
  },
};
