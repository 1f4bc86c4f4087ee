/** Owns `causeway health`: whether the server that this configuration describes is ready, as an exit code. */
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFor } from '#cli/config-option.ts';
import { operationsUrl, reachable } from '#cli/operations-url.ts';
import type { Config } from '#config/schema.ts';

const ANSWER_MS_MAX = 5_000;

export const health: Command = {
  help: `Usage: causeway health [--config FILE]

Asks the running server of this configuration whether it is ready. The exit code is 0 when it is,
and 1 otherwise, with the reason; containers and service managers call it.

${configHelp}`,
  run: async (args) => {
    const reason = await findUnreadiness(readinessUrl(await loadConfigFor(args)));
    if (reason === undefined) console.log('ready');
    else console.error(reason);
    return reason === undefined ? exitCodes.ok : exitCodes.failure;
  },
};

/** Where metrics are switched off, the Matrix API itself is asked. */
function readinessUrl(config: Config): string {
  return operationsUrl(config, '/ready') ?? `http://${reachable(config.listen)}/_matrix/client/versions`;
}

async function findUnreadiness(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const text = await response.text();
    return response.ok ? undefined : `${url} answers ${response.status}: ${text.trim().slice(0, 500)}`;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    return `${url} does not answer: ${cause instanceof Error ? cause.message : String(cause)}`;
  }
}
