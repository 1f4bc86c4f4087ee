/** Owns a trial from the first process to the verdict: load, faults, healing, quiet, and the oracle over the history. */
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { makeDataRoot } from '#test/support/server-process.ts';
import { Courier, stateType, type Crew } from '#test/trials/crew.ts';
import { runFollower } from '#test/trials/follower.ts';
import { HistoryWriter, readHistory } from '#test/trials/history.ts';
import { runLane } from '#test/trials/lanes.ts';
import { unleash, type Faults } from '#test/trials/nemesis.ts';
import { findViolations } from '#test/trials/oracle/judge.ts';
import { Site, type SiteOptions } from '#test/trials/site.ts';
import { summarise } from '#test/trials/summary.ts';
import { readTarget, writePositions, writeViews } from '#test/trials/views.ts';
import { runWanderer } from '#test/trials/wanderers.ts';

export type TrialOptions = {
  readonly seed: number;
  readonly site: Omit<SiteOptions, 'root'>;
  /** Each follows /sync, and sends in some of its rooms. */
  readonly clients: number;
  readonly wanderers: number;
  readonly rooms: number;
  /** How many rooms each client is in, and in how many of them it sends at the same time. */
  readonly roomsPerClient: number;
  readonly lanesPerClient: number;
  readonly paceMs: number;
  /** The load goes on until so many messages are acknowledged and all faults are over. */
  readonly messages: number;
  readonly faults: Faults;
};

const violationsShown = 30;
/** For what is under way to be answered when the faults are over. */
const endTimeoutMs = 60_000;

/** Runs a trial and throws unless it was flawless. `say` is told the seed first and the figures at the end. */
export async function runTrial(options: TrialOptions, say: (line: string) => void): Promise<void> {
  say(`CAUSEWAY_TEST_SEED=${options.seed} ${JSON.stringify(options)}`);
  const root = await makeDataRoot();
  const path = join(tmpdir(), `causeway-trial-${options.seed}.ndjson`);
  const history = new HistoryWriter(path);
  const stop = new AbortController();
  try {
    const { crew, complaints } = await runLoad({ options, root, history, stop });
    await history.close();
    const records = await readHistory(path);
    const violations = findViolations(records);
    for (const line of summarise(records, crew.statuses)) say(line);
    const found = [...crew.failures, ...complaints, ...violations.map(({ kind, detail }) => `${kind}: ${detail}`)];
    const counts = Object.entries(Object.groupBy(violations, ({ kind }) => kind));
    const words = counts.map(([kind, some]) => `${some.length} ${kind}`).join(', ');
    const listed = found.slice(0, violationsShown).join('\n');
    assert.equal(found.length, 0, `${words} (history in ${path}):\n${listed}`);
    await rm(path);
  } finally {
    stop.abort();
    await rm(root, { recursive: true, force: true });
  }
}

type Run = {
  readonly options: TrialOptions;
  readonly root: string;
  readonly history: HistoryWriter;
  readonly stop: AbortController;
};

async function runLoad({ options, root, history, stop }: Run): Promise<{ crew: Crew; complaints: string[] }> {
  await using site = await Site.open({ ...options.site, root });
  await using database = site.openDatabase();
  const ending = new AbortController();
  const crew: Crew = {
    site,
    history,
    seed: options.seed,
    abort: stop.signal,
    ending: ending.signal,
    failures: [],
    statuses: new Map(),
    acknowledged: 0,
  };
  try {
    const { users, walkers, rooms } = await settle(site, options);
    const quiet = new AbortController();
    let target: readonly number[] = [];
    const followers = users.slice(1).map((user, index) => {
      const courier = new Courier(crew, user, `follower ${index}`);
      return runFollower(courier, {
        rooms: roomsOf(rooms, options, index),
        gapDirection: index % 2 === 0 ? 'b' : 'f',
        usesStateAfter: index % 4 < 2,
        quiet: quiet.signal,
        target: () => target,
      });
    });
    const senders = [
      ...users.slice(1).flatMap((user, index) => lanesOf(crew, { user, index, users, rooms, options })),
      ...walkers.map((user) =>
        runWanderer(crew, { user, moderator: requireFirst(users), rooms, paceMs: 4 * options.paceMs }),
      ),
    ];
    await unleash(crew, options.faults);
    while (crew.acknowledged < options.messages && crew.failures.length === 0) await delay(50);
    ending.abort();
    await within(Promise.all(senders), endTimeoutMs, 'A request was not answered');
    target = await readTarget(database);
    quiet.abort();
    await Promise.all(followers);
    await writeViews(crew, { reader: requireFirst(users), rooms, users: walkers }, target);
    await writePositions(crew, database);
    return { crew, complaints: site.complaints() };
  } finally {
    ending.abort();
    stop.abort();
  }
}

/** The first user makes the rooms and is in all of them, and may ban; the others are in some. */
async function settle(
  site: Site,
  options: TrialOptions,
): Promise<{ users: MatrixHttp[]; walkers: MatrixHttp[]; rooms: string[] }> {
  const { baseUrl } = site.member(0);
  const users: MatrixHttp[] = [];
  const walkers: MatrixHttp[] = [];
  for (let index = 0; index <= options.clients; index += 1) users.push(await registerUser(baseUrl, `client-${index}`));
  for (let index = 0; index < options.wanderers; index += 1)
    walkers.push(await registerUser(baseUrl, `walker-${index}`));
  const founder = requireFirst(users);
  const rooms: string[] = [];
  for (let index = 0; index < options.rooms; index += 1) {
    const power_level_content_override = { events: { [stateType]: 0 } };
    rooms.push(await founder.createRoom({ preset: 'public_chat', power_level_content_override }));
  }
  await Promise.all(
    users.slice(1).map(async (user, index) => {
      for (const roomId of roomsOf(rooms, options, index)) await user.join(roomId);
    }),
  );
  return { users, walkers, rooms };
}

function roomsOf(rooms: readonly string[], { roomsPerClient }: TrialOptions, index: number): string[] {
  return Array.from({ length: roomsPerClient }, (_, step) => rooms[(index + step) % rooms.length] ?? '');
}

function lanesOf(
  crew: Crew,
  lanes: {
    readonly user: MatrixHttp;
    readonly index: number;
    readonly users: readonly MatrixHttp[];
    readonly rooms: readonly string[];
    readonly options: TrialOptions;
  },
): Promise<void>[] {
  const { user, index, users, rooms, options } = lanes;
  return roomsOf(rooms, options, index)
    .slice(0, options.lanesPerClient)
    .map((roomId, lane) =>
      runLane(crew, { user, roomId, name: `${index}-${lane}`, paceMs: options.paceMs, peers: users.slice(1) }),
    );
}

function requireFirst(users: readonly MatrixHttp[]): MatrixHttp {
  const [first] = users;
  assert.ok(first);
  return first;
}

async function within<T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  const cancel = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: cancel.signal }).then(() => {
    throw new Error(`${what} within ${timeoutMs} ms.`);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([promise, late]);
  } finally {
    cancel.abort();
  }
}
