/** Owns the command line of the benchmark. */
import { parseArgs } from 'node:util';
import { rows } from '#test/bench/row-list.ts';

export type Options = {
  /** A homeserver that is already running; without it Causeway is started from the checkout. */
  url: string | undefined;
  registrationToken: string | undefined;
  /** Names of rows; empty means all. */
  only: readonly string[];
  /** What is profiled instead of measured. */
  profile: 'send' | undefined;
  seconds: number;
  connections: number;
  json: string | undefined;
  metrics: string | undefined;
  databaseUrl: string | undefined;
  /** The first process of a server given by `--url`, for its memory and processor time. */
  pid: number | undefined;
  /** Where the disk is measured when the server is not our own. */
  dataDir: string | undefined;
};

export const usage = `npm run bench -- [options]

  --url http://host:port      measure a homeserver that is running (default: start Causeway from this checkout)
  --registration-token TOKEN  for a homeserver whose registration asks for one
  --database-url URL          the PostgreSQL of the floor; without --url the started Causeway uses it too
  --pid N                     with --url: the server's first process, for its memory and processor time
  --data-dir DIR              with --url: the directory whose disk is measured
  --only ROW,ROW              of: ${rows.map(({ name }) => name).join(', ')}
  --profile send              what a message costs in round trips, WAL and processor time, by part, instead of the rows
  --seconds N                 measured seconds of each row that runs for a time (default 10)
  --connections N             waiting syncs of the row idle-connections (default 1000)
  --metrics URL               Prometheus text; what each row added to it goes to the JSON lines
  --json FILE                 write the JSON lines there instead of to the standard output
  --help`;

/** Reads the arguments; undefined asks for the usage. Throws `Error` with a sentence for what it does not understand. */
export function readOptions(args: readonly string[]): Options | undefined {
  const text = { type: 'string' } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      url: text,
      'registration-token': text,
      'database-url': text,
      pid: text,
      'data-dir': text,
      only: text,
      profile: text,
      seconds: text,
      connections: text,
      metrics: text,
      json: text,
      help: { type: 'boolean' },
    },
  });
  if (values.help === true) return undefined;
  const only = values.only?.split(',') ?? [];
  const unknown = only.find((name) => !rows.some((row) => row.name === name));
  if (unknown !== undefined) throw new Error(`There is no row named ${unknown}; see --help.`);
  const { profile } = values;
  if (profile !== undefined && profile !== 'send')
    throw new Error(`There is no profile of ${profile}, only of "send".`);
  if (profile !== undefined && values.url !== undefined) {
    throw new Error('A profile is made of a server that the benchmark starts: leave --url out.');
  }
  return {
    profile,
    url: values.url,
    registrationToken: values['registration-token'],
    only,
    seconds: positive('--seconds', values.seconds) ?? 10,
    connections: positive('--connections', values.connections) ?? 1000,
    json: values.json,
    metrics: values.metrics,
    // A server of our own takes its database from the environment, and the floor belongs to the same one.
    databaseUrl:
      values['database-url'] ?? (values.url === undefined ? process.env['CAUSEWAY_DATABASE_URL'] : undefined),
    pid: positive('--pid', values.pid),
    dataDir: values['data-dir'],
  };
}

function positive(name: string, value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!(number > 0)) throw new Error(`${name} must be a number above 0, not ${value}.`);
  return number;
}
