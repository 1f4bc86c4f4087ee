/** Owns `--profile send`: what a message costs in round trips, WAL and processor time, and which part of the program takes it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientConfig } from 'pg';
import { type BenchContext, elementAt, openContext } from '#test/bench/context.ts';
import { runClosedLoop, type LoopResult } from '#test/bench/closed-loop.ts';
import { embeddedConnection } from '#test/bench/floor.ts';
import { OwnServer } from '#test/bench/own-server.ts';
import { type CpuProfile, cpuByPart } from '#test/bench/profile/cpu-parts.ts';
import {
  installStatements,
  preloadStatements,
  readStatements,
  resetStatements,
  type StatementUse,
} from '#test/bench/profile/statements.ts';
import { makeRoom, messageContent, tenInOneRoom, type Sender } from '#test/bench/rows/send-load.ts';

type Load = { readonly name: string; readonly makeSenders: (context: BenchContext) => Promise<Sender[]> };

const loads: readonly Load[] = [
  { name: 'sequential', makeSenders: (context) => ownRooms(context, 1) },
  { name: 'ten', makeSenders: tenInOneRoom },
  { name: 'own', makeSenders: (context) => ownRooms(context, 40) },
];

/** Statements that take less than this share of the database's time are not shown. */
const shareMin = 0.01;

type Profiled = {
  readonly name: string;
  readonly loop: LoopResult;
  readonly statements: readonly StatementUse[];
  readonly fromUs: number;
  readonly toUs: number;
};

/** Runs the loads on a server of its own and gives a markdown text. Profiling itself slows the server by some percent. */
export async function profileSends(seconds: number, signal: AbortSignal): Promise<string> {
  const directory = mkdtempSync(join(tmpdir(), 'causeway-profile-'));
  try {
    const environment = { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=${directory}` };
    await using server = await OwnServer.create(undefined, undefined, environment);
    await server.start();
    await preloadStatements(superuserOf(server));
    await server.stop();
    await server.start();
    const connection = superuserOf(server);
    await installStatements(connection);
    const profiled: Profiled[] = [];
    for (const load of loads) {
      if (!signal.aborted) profiled.push(await runLoad(load, server, connection, seconds, signal));
    }
    await server.stop();
    const profile = readProfile(directory);
    return profiled.map((one) => textOf(one, profile)).join('\n\n');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function ownRooms(context: BenchContext, count: number): Promise<Sender[]> {
  const clients = await context.makeUsers(count);
  return Promise.all(clients.map(async (client) => ({ client, roomId: await makeRoom(client, []) })));
}

function superuserOf(server: OwnServer): ClientConfig {
  return { ...embeddedConnection(server.dataDir), user: 'postgres' };
}

async function runLoad(
  { name, makeSenders }: Load,
  server: OwnServer,
  connection: ClientConfig,
  seconds: number,
  signal: AbortSignal,
): Promise<Profiled> {
  console.error(`… ${name}`);
  using context = openContext({
    target: server.target,
    seconds,
    connections: 0,
    signal,
    registrationToken: undefined,
    ownServer: server,
    serverProcesses: () => server.processes(),
    database: undefined,
    diskDirectory: undefined,
  });
  const senders = await makeSenders(context);
  let number = 0;
  const step = async (worker: number): Promise<boolean> => {
    const { client, roomId } = elementAt(senders, worker);
    await client.send(roomId, messageContent(++number));
    return true;
  };
  const plan = { workers: senders.length, signal, serverProcesses: context.serverProcesses, step };
  await runClosedLoop({ ...plan, seconds: seconds / 4, warmUpSeconds: 0 });
  await resetStatements(connection);
  const fromUs = monotonicUs();
  const loop = await runClosedLoop({ ...plan, seconds, warmUpSeconds: 0 });
  const toUs = monotonicUs();
  return { name, loop, statements: await readStatements(connection), fromUs, toUs };
}

const monotonicUs = (): number => Number(process.hrtime.bigint() / 1000n);

/** Of the processes that ran, the one with the longest profile is the server. */
function readProfile(directory: string): CpuProfile {
  const files = readdirSync(directory).map((name) => join(directory, name));
  const [largest] = files.toSorted((one, other) => statSync(other).size - statSync(one).size);
  if (largest === undefined) throw new Error('The server left no profile.');
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- V8 has just written it.
  return JSON.parse(readFileSync(largest, 'utf8')) as CpuProfile;
}

function textOf({ name, loop, statements, fromUs, toUs }: Profiled, profile: CpuProfile): string {
  const messages = Math.max(1, loop.recorder.latenciesMs.length);
  const sent = statements.filter(({ toplevel }) => toplevel);
  const sum = (of: (use: StatementUse) => number): number => sent.reduce((total, use) => total + of(use), 0);
  const execMs = sum((use) => use.execMs);
  const cpuUs = (share: number | undefined): string => fixed(((share ?? 0) * (toUs - fromUs)) / messages, 0);
  const { generator, own, postgres } = loop.cpu;
  return [
    `## ${name}: ${messages} messages, ${fixed(loop.perSecond ?? 0, 0)}/s`,
    '',
    `Round trips ${fixed(sum((use) => use.calls) / messages, 2)}, WAL ${fixed(sum((use) => use.walBytes) / messages, 0)} bytes, ` +
      `processor time ${cpuUs(own)} µs of the server, ${cpuUs(postgres)} µs of PostgreSQL, ${cpuUs(generator)} µs of the generator; each per message.`,
    '',
    '| statement (indented: inside a function) | calls | µs | WAL bytes |',
    '|---|---|---|---|',
    ...statements
      .filter((use) => use.execMs > execMs * shareMin)
      .map(
        (use) =>
          `| ${use.toplevel ? '' : '&nbsp;&nbsp;'}\`${use.text.replaceAll('|', '\\|')}\` | ${fixed(use.calls / messages, 2)} ` +
          `| ${fixed((use.execMs * 1000) / messages, 1)} | ${fixed(use.walBytes / messages, 0)} |`,
      ),
    '',
    '| part of the server | µs of the main thread |',
    '|---|---|',
    ...cpuByPart(profile, fromUs, toUs).map(([part, us]) => `| ${part} | ${fixed(us / messages, 1)} |`),
  ].join('\n');
}

function fixed(value: number, digits: number): string {
  return value.toFixed(digits);
}
