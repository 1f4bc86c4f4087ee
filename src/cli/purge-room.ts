/** Owns `causeway purge-room`. */
import { parseArgs } from 'node:util';
import { MatrixError } from '#matrix/error.ts';
import { exitCodes, UsageError, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { withDatabase } from '#cli/with-database.ts';

export const purgeRoom: Command = {
  help: `Usage: causeway purge-room ROOM_ID [--force] [--config FILE]

Removes a room and all that was said in it from this server. The running server does it in the
background, else the next one that starts; nobody can read or write the room from the moment at
which it begins. Other servers keep what they have. It cannot be undone.

  --force   users of this server who are in the room are made to leave first; without it a room
            with such users stays. The room goes a minute after they have left; a client that is
            not connected within it may show the room until its cache is cleared
${configHelp}`,
  run: async (args) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' }, force: { type: 'boolean' } },
    });
    const [roomId, ...others] = positionals;
    if (roomId === undefined || others.length > 0) throw new UsageError('purge-room takes one room ID.');
    const config = await loadConfigFile(values.config);
    const { purgeStoredRoom } = await import('#server.ts');
    const isForced = values.force === true;
    try {
      await withDatabase(config, (address) => purgeStoredRoom(config, address, { roomId, isForced }));
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      console.error(error.message);
      if (error.errcode === 'M_FORBIDDEN') console.error('With --force they are made to leave first.');
      return exitCodes.failure;
    }
    console.log(`${roomId} will be removed in the background.`);
    return exitCodes.ok;
  },
};
