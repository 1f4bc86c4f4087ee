/** Owns `causeway restored`. */
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFor } from '#cli/config-option.ts';
import { withDatabase } from '#cli/with-database.ts';

export const restored: Command = {
  help: `Usage: causeway restored [--config FILE]

Says that the database was put back to an earlier state by other means, such as a snapshot of the
disk or of the virtual machine. Clients then go on from where that state ends, and keys that may
have been given out since are not given out again. Run it before the server is started. It is not
needed after "causeway restore", nor after a recovery by PostgreSQL itself: the server notices that.

${configHelp}`,
  run: async (args) => {
    const config = await loadConfigFor(args);
    const { migrate } = await import('#storage/migrations.ts');
    const { openDatabase } = await import('#storage/database.ts');
    const { beginNewEpoch } = await import('#streams/token-epochs.ts');
    const { forgetOneTimeKeys } = await import('#users/keys/forget-one-time-keys.ts');
    await withDatabase(config, async (address) => {
      await migrate(address);
      await using database = openDatabase(address, { poolSize: 1, logger: createLogger(config.log.level) });
      await database.transaction((tx) => beginNewEpoch({ clock: systemClock, onNewEpoch: forgetOneTimeKeys }, tx));
    });
    console.log('Noted. A server that was running meanwhile must be started again.');
    return exitCodes.ok;
  },
};
