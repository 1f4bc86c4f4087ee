/** Owns `causeway start`: a server from its first words to its ordered stop. */
import { flushCompileCache } from 'node:module';
import { parseArgs } from 'node:util';
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { explainListenError } from '#cli/listen-error.ts';
import { stopRequests } from '#cli/stop-requests.ts';
import { welcome } from '#cli/welcome.ts';

export const start: Command = {
  help: `Usage: causeway start [--lan] [--config FILE]

Runs the server until Ctrl-C or SIGTERM, and then stops everything in order; Ctrl-C again stops at
once. Without any configuration it keeps everything in ./data, with a PostgreSQL of its own, and
listens on 127.0.0.1:8008.

  --lan           listen on this machine's address in the local network too
${configHelp}`,
  run: async (args) => {
    const { values } = parseArgs({
      args: [...args],
      options: { config: { type: 'string' }, lan: { type: 'boolean' } },
    });
    const config = await loadConfigFile(values.config);
    using requests = stopRequests();
    const { startServer } = await import('#server.ts');
    const server = await startServer(config, { lan: values.lan === true }).catch((error: unknown) => {
      throw explainListenError(error, config) ?? error;
    });
    console.log(welcome(config, server));
    // Now rather than at the end, which a killed server never reaches.
    flushCompileCache();

    await requests.first;
    console.log('Stopping. Press Ctrl-C again to stop at once.');
    const outcome = await Promise.race([server[Symbol.asyncDispose]().then(() => 'stopped'), requests.second]);
    console.log(outcome === 'stopped' ? 'Stopped.' : 'Stopped at once.');
    return outcome === 'stopped' ? exitCodes.ok : exitCodes.failure;
  },
};
