/** Owns `causeway status`. */
import { parseArgs } from 'node:util';
import { exitCodes, type Command } from '#cli/command.ts';
import { configHelp, loadConfigFile } from '#cli/config-option.ts';
import { operationsUrl } from '#cli/operations-url.ts';
import { withDatabase } from '#cli/with-database.ts';
import type { Config } from '#config/schema.ts';
import type { ProcessStatus } from '#core/process-status.ts';
import type { DatabaseStatus } from '#storage/database-status.ts';

const ANSWER_MS_MAX = 5_000;
const MEGABYTE = 1024 * 1024;

type Status = {
  readonly server_name: string;
  readonly trial: boolean;
  readonly data_dir: string;
  /** Null when no server of this configuration answers, or its metrics are switched off. */
  readonly process: ProcessStatus | null;
  readonly database: DatabaseStatus;
};

export const status: Command = {
  help: `Usage: causeway status [--json] [--config FILE]

Says what runs, where and since when, in which versions, how large the database is, how many users
and rooms there are, and the last errors. It works whether the server runs or not.

  --json          as one JSON object, for machines
${configHelp}`,
  run: async (args) => {
    const options = { config: { type: 'string' }, json: { type: 'boolean' } } as const;
    const { values } = parseArgs({ args: [...args], options });
    const config = await loadConfigFile(values.config);
    const { readDatabaseStatus } = await import('#server.ts');
    const found: Status = {
      server_name: config.serverName,
      trial: config.trial,
      data_dir: config.dataDir,
      process: (await findProcess(config)) ?? null,
      database: await withDatabase(config, (address) => readDatabaseStatus(config, address)),
    };
    console.log(values.json === true ? JSON.stringify(found) : inWords(found));
    return exitCodes.ok;
  },
};

async function findProcess(config: Config): Promise<ProcessStatus | undefined> {
  const url = operationsUrl(config, '/status');
  if (url === undefined) return undefined;
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS_MAX) });
    const answer: ProcessStatus = JSON.parse(await response.text());
    return answer;
  } catch {
    // Nothing runs there, or something else does: either way no server of ours.
    return undefined;
  }
}

function inWords({ server_name: serverName, trial, data_dir: dataDir, process: running, database }: Status): string {
  const lines = [`Server name    ${serverName}${trial ? ' (a trial: the name can never change)' : ''}`];
  if (running === null) lines.push('Server         is not running');
  else {
    const since = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'medium' }).format(
      running.started_at,
    );
    lines.push(
      `Server         Causeway ${running.version} on Node.js ${running.node}, process ${running.pid}, since ${since}`,
      `Reached at     ${running.addresses.join(', ')}`,
      `Memory         ${megabytes(running.resident_bytes)}`,
      `Wake-ups       ${wakeUpsInWords(running.wake_ups)}`,
    );
  }
  lines.push(
    `Database       PostgreSQL ${database.postgres}, ${megabytes(database.bytes)}, in ${dataDir}`,
    `Users          ${database.users}`,
    `Rooms          ${database.rooms}, with about ${database.events} events`,
  );
  lines.push(`Not reached    ${failingInWords(database)}`);
  if (trial) lines.push('To begin in earnest, set server_name and start with an empty data directory.');
  const errors = running?.last_errors ?? [];
  lines.push(errors.length === 0 ? 'Last errors    none' : 'Last errors:');
  for (const { at, message } of errors)
    lines.push(`  ${new Intl.DateTimeFormat('sv-SE', { timeStyle: 'medium' }).format(at)}  ${message}`);
  return lines.join('\n');
}

function failingInWords({ failing_servers: count, failing_longest: longest }: DatabaseStatus): string {
  if (count === 0) return 'no other server';
  const dates = new Intl.DateTimeFormat('sv-SE', { dateStyle: 'short', timeStyle: 'short' });
  const named = longest.map(({ server_name: name, since }) => `${name} since ${dates.format(since)}`);
  return `${count} other ${count === 1 ? 'server' : 'servers'}: ${named.join(', ')}${count > longest.length ? ', …' : ''}`;
}

const carriers = { postgresql: 'PostgreSQL', redis: 'Redis' } as const;

/** How the processes of the server hear of each other. */
function wakeUpsInWords({ carrier, connected, since, reason }: ProcessStatus['wake_ups']): string {
  if (connected) return `by ${carriers[carrier]}`;
  const time = new Intl.DateTimeFormat('sv-SE', { timeStyle: 'medium' }).format(since);
  return `by ${carriers[carrier]}, not connected since ${time}: ${reason ?? 'connecting'}. Everything works, a little later.`;
}

const megabytes = (bytes: number): string => `${Math.round(bytes / MEGABYTE)} MB`;
