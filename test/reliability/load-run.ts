/** Owns the load under which a fault is made: senders and syncers of a few rooms, and the judgement over what they saw. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import {
  fetchHistory,
  startSender,
  startSyncer,
  type Recorder,
  type Sender,
  type Syncer,
} from '#test/reliability/load.ts';
import { findViolations } from '#test/reliability/oracle.ts';
import { registerUser, uniqueName, type MatrixHttp } from '#test/support/matrix-http.ts';

export type LoadSize = {
  readonly senderCount: number;
  readonly syncerCount: number;
  readonly roomCount: number;
  readonly paceMs: number;
};

export const smallLoad: LoadSize = { senderCount: 6, syncerCount: 2, roomCount: 2, paceMs: 10 };

const recoveryTimeoutMs = 60_000;

export type LoadRun = AsyncDisposable & {
  readonly users: readonly MatrixHttp[];
  readonly rooms: readonly string[];
  readonly recorder: Recorder;
  /** Waits until every sender has been served once more than now, without anybody's help. */
  awaitProgress(after: string): Promise<void>;
  /** Every sender repeats its latest message, which is the same event again. */
  repeatLatest(): Promise<void>;
  /** Ends the load and asserts that nothing was lost, doubled, reordered, skipped or invented. */
  judge(context: TestContext): Promise<void>;
};

/** Starts the load on a server that runs. The clients go on at the same address whatever becomes of it. */
export async function startLoad(baseUrl: string, size: LoadSize = smallLoad): Promise<LoadRun> {
  const end = new AbortController();
  const users: MatrixHttp[] = [];
  for (let n = 0; n < size.senderCount + size.syncerCount; n++) {
    users.push(await registerUser(baseUrl, uniqueName('load')));
  }
  const [founder, ...others] = users;
  assert.ok(founder);
  const rooms: string[] = [];
  for (let n = 0; n < size.roomCount; n++) {
    const roomId = await founder.createRoom({ preset: 'public_chat' });
    for (const user of others) await user.join(roomId);
    rooms.push(roomId);
  }
  const recorder: Recorder = { invocations: [], acknowledgements: [], failures: [], abort: end.signal };
  const syncers = users.slice(size.senderCount).map((user, n) => startSyncer(user, n % 2 === 0 ? 'f' : 'b', recorder));
  const senders = users
    .slice(0, size.senderCount)
    .map((user, n) => startSender(user, rooms[n % rooms.length] ?? '', size.paceMs, recorder));
  return {
    users,
    rooms,
    recorder,
    awaitProgress: (after) => awaitProgress(senders, recorder, after),
    repeatLatest: async () => void (await Promise.all(senders.map((sender) => sender.repeatLatest()))),
    judge: (context) => judge({ users, rooms, recorder, senders, syncers }, context),
    [Symbol.asyncDispose]: async () => end.abort(),
  };
}

async function awaitProgress(senders: readonly Sender[], recorder: Recorder, after: string): Promise<void> {
  const before = senders.map((sender) => sender.acknowledged());
  const deadline = performance.now() + recoveryTimeoutMs;
  while (senders.some((sender, n) => sender.acknowledged() <= (before[n] ?? 0))) {
    assert.deepEqual(recorder.failures, [], `clients failed after ${after}`);
    assert.ok(performance.now() < deadline, `not everybody was served within ${recoveryTimeoutMs} ms after ${after}`);
    await delay(10);
  }
}

type Ended = Pick<LoadRun, 'users' | 'rooms' | 'recorder'> & {
  readonly senders: readonly Sender[];
  readonly syncers: readonly Syncer[];
};

async function judge({ users, rooms, recorder, senders, syncers }: Ended, context: TestContext): Promise<void> {
  await Promise.all(senders.map((sender) => sender.finish()));
  await Promise.all(syncers.map((syncer) => syncer.finish()));
  const reader = users.at(-1);
  assert.ok(reader);
  const histories = new Map<string, Awaited<ReturnType<typeof fetchHistory>>>();
  for (const roomId of rooms) histories.set(roomId, await fetchHistory(reader, roomId, recorder));
  const { invocations, acknowledgements, failures } = recorder;
  assert.deepEqual(failures, []);
  const timelines = syncers.flatMap(({ userId, timelines: folded }) =>
    rooms.map((roomId) => ({ syncer: userId, roomId, events: folded.get(roomId) ?? [] })),
  );
  context.diagnostic(`${acknowledgements.length} acknowledgements`);
  assert.ok(senders.every((sender) => sender.acknowledged() > 0));
  const violations = findViolations({ invocations, acknowledgements, rooms: histories, timelines });
  assert.deepEqual(violations.slice(0, 20), []);
}
