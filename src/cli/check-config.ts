/** Owns `causeway check-config`. */
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFor } from '#cli/config-option.ts';

export const checkConfig: Command = {
  help: `Usage: causeway check-config [--config FILE]

Checks the configuration as a start would read it and prints everything that is wrong with it at
once. Nothing is started or changed. The exit code is 0 when all is well and 1 otherwise.

${configHelp}`,
  run: async (args) => {
    const config = await loadConfigFor(args);
    const name = config.trial ? 'a trial, since server_name is not set' : config.serverName;
    const database = config.database.url === undefined ? 'the embedded PostgreSQL' : 'the PostgreSQL of database.url';
    console.log(`The configuration is right.
  server name   ${name}
  data          ${config.dataDir}
  database      ${database}
  listens on    ${config.listen.host}:${config.listen.port}`);
    return exitCodes.ok;
  },
};
