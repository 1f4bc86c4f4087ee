/**
 * Owns the proof of durability: the server and its PostgreSQL are killed under load, again and again, and nothing that
 * was acknowledged is lost, doubled, reordered or withheld. `CAUSEWAY_TEST_SEED` replays the moments of a run,
 * `CAUSEWAY_TEST_KILLS` and `CAUSEWAY_TEST_DATABASE_KILLS` make it longer or shorter.
 */
import assert from 'node:assert/strict';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { fetchHistory, startSender, startSyncer, type Recorder, type Sender, type Syncer } from '#test/crash/load.ts';
import { findViolations, type RecordedHistory } from '#test/crash/oracle.ts';
import { chooseSeed, seededNumbers } from '#test/support/seeded.ts';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { awaitNoProcessesOf, findPostmaster, killProcessesOf, sendSignal } from '#test/support/processes.ts';
import { makeDataRoot, startServerProcess, type ServerProcess } from '#test/support/server-process.ts';

const senderCount = 20;
const syncerCount = 4;
const roomCount = 2;
const paceMs = 20;
const killAfterMs = { least: 150, most: 1_000 };
/** How long the service may be away after a fault before somebody would have to be called. */
const recoveryTimeoutMs = 30_000;

const kills = Number(process.env['CAUSEWAY_TEST_KILLS'] ?? 20);
const databaseKills = Number(process.env['CAUSEWAY_TEST_DATABASE_KILLS'] ?? 3);

/** `everything`: server and PostgreSQL at once; `database`: PostgreSQL under a living server; `server`: the reverse. */
type Fault = 'everything' | 'database' | 'server';

test('nothing acknowledged is lost, doubled or reordered by SIGKILL under load', async (context) => {
  const seed = chooseSeed();
  context.diagnostic(`CAUSEWAY_TEST_SEED=${seed} CAUSEWAY_TEST_KILLS=${kills}`);
  const next = seededNumbers(seed);
  const root = await makeDataRoot();
  const dataDir = join(root, 'data');
  const end = new AbortController();
  try {
    const run = await startRun(dataDir, end.signal);
    for (const fault of chooseFaults(next)) {
      await delay(killAfterMs.least + next() * (killAfterMs.most - killAfterMs.least));
      await applyFault(run, fault);
      await awaitProgress(run, fault);
    }
    await judge(run, context, seed);
    await run.server.stop();
  } finally {
    end.abort();
    await killProcessesOf(dataDir);
    await rm(root, { recursive: true, force: true });
  }
});

type Run = {
  server: ServerProcess;
  readonly rooms: readonly string[];
  readonly users: readonly MatrixHttp[];
  readonly senders: readonly Sender[];
  readonly syncers: readonly Syncer[];
  readonly recorder: Recorder;
};

async function startRun(dataDir: string, abort: AbortSignal): Promise<Run> {
  const server = await startServerProcess({ dataDir });
  const users: MatrixHttp[] = [];
  for (let i = 0; i < senderCount + syncerCount; i += 1) users.push(await registerUser(server.baseUrl, `load-${i}`));
  const [founder, ...others] = users;
  assert.ok(founder);
  const rooms: string[] = [];
  for (let i = 0; i < roomCount; i += 1) {
    const roomId = await founder.createRoom({ preset: 'public_chat' });
    await Promise.all(others.map((user) => user.join(roomId)));
    rooms.push(roomId);
  }
  const recorder: Recorder = { invocations: [], acknowledgements: [], failures: [], abort };
  // The syncers first, so that they see all of it; half of them fill gaps forwards and half backwards.
  const syncers = users.slice(senderCount).map((user, i) => startSyncer(user, i % 2 === 0 ? 'f' : 'b', recorder));
  const senders = users
    .slice(0, senderCount)
    .map((user, i) => startSender(user, rooms[i % roomCount] ?? '', paceMs, recorder));
  return { server, rooms, users, senders, syncers, recorder };
}

/** The faults in a random order: most kill everything, some PostgreSQL alone, one the server alone. */
function chooseFaults(next: () => number): Fault[] {
  const faults: Fault[] = [
    ...Array.from({ length: kills }, (): Fault => 'everything'),
    ...Array.from({ length: databaseKills }, (): Fault => 'database'),
    'server',
  ];
  return faults
    .map((fault) => ({ fault, place: next() }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ fault }) => fault);
}

async function applyFault(run: Run, fault: Fault): Promise<void> {
  const { server } = run;
  if (fault === 'database') {
    const postmaster = await findPostmaster(server.dataDir);
    assert.ok(postmaster, 'the embedded PostgreSQL is running');
    sendSignal(postmaster.pid, 'SIGKILL');
    return;
  }
  if (fault === 'everything') await killProcessesOf(server.dataDir);
  const exit = await server.kill('SIGKILL');
  assert.deepEqual(
    exit,
    { code: null, signal: 'SIGKILL' },
    `the server ended before it was killed\n${server.output()}`,
  );
  if (fault === 'everything') await awaitNoProcessesOf(server.dataDir, 1_000);
  run.server = await startServerProcess({ dataDir: server.dataDir, port: server.port });
}

/** After every fault each client is served again without anybody's help, and a repeated request is answered. */
async function awaitProgress(run: Run, fault: Fault): Promise<void> {
  const before = run.senders.map((sender) => sender.acknowledged());
  const deadline = performance.now() + recoveryTimeoutMs;
  while (run.senders.some((sender, i) => sender.acknowledged() <= (before[i] ?? 0))) {
    assert.ok(run.server.isRunning(), `the server died of ${fault}\n${run.server.output()}`);
    assert.deepEqual(run.recorder.failures, [], `after ${fault} some clients failed`);
    assert.ok(
      performance.now() < deadline,
      `not all clients were served within ${recoveryTimeoutMs} ms after ${fault}`,
    );
    await delay(10);
  }
  await Promise.all(run.senders.map((sender) => sender.repeatLatest()));
}

async function judge(run: Run, context: TestContext, seed: number): Promise<void> {
  await Promise.all(run.senders.map((sender) => sender.finish()));
  await Promise.all(run.syncers.map((syncer) => syncer.finish()));
  const reader = run.users.at(-1);
  assert.ok(reader);
  const rooms = new Map<string, Awaited<ReturnType<typeof fetchHistory>>>();
  for (const roomId of run.rooms) rooms.set(roomId, await fetchHistory(reader, roomId, run.recorder));
  const { invocations, acknowledgements, failures } = run.recorder;
  const timelines = run.syncers.flatMap(({ userId, timelines: folded }) =>
    run.rooms.map((roomId) => ({ syncer: userId, roomId, events: folded.get(roomId) ?? [] })),
  );
  const gaps = run.syncers.reduce((sum, syncer) => sum + syncer.gapsFilled(), 0);
  context.diagnostic(`${acknowledgements.length} acknowledgements, ${gaps} gaps filled`);
  assert.deepEqual(failures, []);
  assert.ok(
    run.senders.every((sender) => sender.acknowledged() > 0),
    'every client was served',
  );
  const history: RecordedHistory = { invocations, acknowledgements, rooms, timelines };
  const violations = findViolations(history);
  if (violations.length === 0) return;
  const file = join(tmpdir(), `causeway-crash-${seed}.json`);
  await writeFile(file, JSON.stringify({ ...history, rooms: [...rooms] }));
  const counts = Object.entries(Object.groupBy(violations, (one) => one.kind));
  const summary = counts.map(([kind, some]) => `${some.length} ${kind}`).join(', ');
  const listed = violations.slice(0, 20).map((one) => `${one.kind}: ${one.detail}`);
  assert.fail(`${summary} (history in ${file}):\n${listed.join('\n')}`);
}
