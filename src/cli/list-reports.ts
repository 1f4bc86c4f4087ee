/** Owns `causeway list-reports`. */
import { parseArgs } from 'node:util';
import { exitCodes, UsageError, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { withDatabase } from '#cli/with-database.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 10_000;

export const listReports: Command = {
  help: `Usage: causeway list-reports [--limit NUMBER] [--config FILE]

Prints what users have reported as inappropriate, the newest first, one JSON object a line. Nobody
else is shown it.

  --limit NUMBER   how many reports at most; ${LIMIT_DEFAULT} unless given
${configHelp}`,
  run: async (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, limit: { type: 'string' } },
    });
    const limit = Number(values.limit ?? LIMIT_DEFAULT);
    if (!Number.isInteger(limit) || limit < 1 || limit > LIMIT_MAX) {
      throw new UsageError(`--limit takes a number from 1 to ${LIMIT_MAX}.`);
    }
    const config = await loadConfigFile(values.config);
    const { findReports } = await import('#server.ts');
    const reports = await withDatabase(config, (address) => findReports(config, address, limit));
    for (const report of reports) console.log(JSON.stringify(report));
    return exitCodes.ok;
  },
};
