/** Owns `causeway version`. */
import type { Command } from '#cli/command.ts';
import { exitCodes } from '#cli/command.ts';
import { readVersion } from '#core/version.ts';

export const version: Command = {
  help: 'Usage: causeway version\n\nPrints the version of Causeway and of Node.js.',
  run: async () => {
    console.log(`Causeway ${readVersion()}, Node.js ${process.versions.node}`);
    return exitCodes.ok;
  },
};
