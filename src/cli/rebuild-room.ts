/** Owns `causeway rebuild-room`. */
import { parseArgs } from 'node:util';
import { MatrixError } from '#matrix/error.ts';
import { exitCodes, UsageError, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { withDatabase } from '#cli/with-database.ts';

export const rebuildRoom: Command = {
  help: `Usage: causeway rebuild-room ROOM_ID [--config FILE]

Makes anew what is derived from a room's events: its summary, what invited users are shown, and
which redactions count. The events themselves are left as they are. The server may be running;
nothing is sent in the room meanwhile.

${configHelp}`,
  run: async (args) => {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { config: { type: 'string' } },
    });
    const [roomId, ...others] = positionals;
    if (roomId === undefined || others.length > 0) throw new UsageError('rebuild-room takes one room ID.');
    const config = await loadConfigFile(values.config);
    const { rebuildStoredRoom } = await import('#server.ts');
    try {
      await withDatabase(config, (address) => rebuildStoredRoom(config, address, roomId));
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      console.error(error.message);
      return exitCodes.failure;
    }
    console.log(`Rebuilt ${roomId}.`);
    return exitCodes.ok;
  },
};
