/**
 * Owns writing to the four streams beside events, by group commit.
 *
 *     const answer = await write('deviceLists', async (tx) => {
 *       await persistDeviceKeys(tx, keys); // any statements, in the same transaction
 *       tx.add({ deviceLists: [{ userNid }] }); // rows with positions, of any of the streams
 *       return …;
 *     });
 *
 * `run` may be run again, so it does nothing but read and write by `tx`. Transactions of one lane that wait are written as
 * one, one `run` after the other; what a `run` has added is not in the tables yet, but in `tx.added`. Whoever reads a row
 * and adds what follows from it first locks something in the database, as other processes write too.
 */
import { backOff } from '#core/backoff.ts';
import { createBatcher, type Batcher } from '#core/batcher.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { txOn, type Database, type DatabaseClient, type Tx } from '#storage/database.ts';
import { isConflict, isConnectionLost, isContention } from '#storage/database-errors.ts';
import { databaseAway, findUnavailable, tooMuchWaiting } from '#storage/overload.ts';
import { lockStreamIn } from '#storage/streams/find-changes.ts';
import type { RowKind, RowOf, StreamRows } from '#storage/streams/stream-rows.ts';
import { createWriterClient, type WriterClient } from '#storage/writer-client.ts';
import { changeOf, type Change } from '#streams/change.ts';
import { CollectedRows } from '#streams/collected-rows.ts';

export type { ReceiptRow } from '#storage/streams/stream-rows.ts';

export type StreamTx = Tx & {
  /** Rows to be written at the end, with positions. */
  readonly add: (rows: StreamRows) => void;
  /** Rows of a kind that will be written with this transaction, those of others among them. */
  readonly added: <Kind extends RowKind>(kind: Kind) => readonly RowOf<Kind>[];
};

/**
 * What waits for one another: a slow upload of keys must not hold up typing. A lane may write to every stream; `completions`
 * is for the large transactions by which rooms become complete.
 */
export type Lane = 'userData' | 'toDevice' | 'deviceLists' | 'ephemeral' | 'completions';

/**
 * Resolves with what `run` gave once it is committed. Rejects with what `run` threw, then without any effect, or with
 * 503 when the database is away or too much waits.
 */
export type WriteStreams = <Result>(lane: Lane, run: (tx: StreamTx) => Result | Promise<Result>) => Promise<Result>;

/** What one commit did to a stream: all its positions with before < pos ≤ upTo. */
export type StreamCommit = {
  readonly stream: number;
  readonly changes: readonly Change[];
  readonly before: number;
  readonly upTo: number;
};

export type StreamQueueLimits = {
  /** How many writes may wait in each lane. */
  readonly streamQueueMax: number;
  /** How long a write may wait, in milliseconds. */
  readonly queueMsMax: number;
};

type Parts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits?: StreamQueueLimits;
  /** Awaited before the writers are answered; it never rejects. */
  readonly committed: (commits: readonly StreamCommit[]) => Promise<void>;
  /**
   * Awaited before the first writers are answered after an interruption, as what was interrupted may have been committed:
   * who asks again and is told that it was done finds it done. It never rejects.
   */
  readonly recovered?: () => Promise<void>;
};

type Entry = {
  readonly run: (tx: StreamTx) => unknown;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  /** After this moment of the monotonic clock it is not tried any more. */
  readonly deadlineMs: number;
};

const BATCH_MAX = 100;
/** Somebody holds a lock that one of them needs: that is tried less often than to give way. */
const LOCK_TRIES_MAX = 3;
const CONFLICT_TRIES_MAX = 8;
const retryBackoff = { leastMs: 5, mostMs: 500 };
const standardLimits: StreamQueueLimits = { streamQueueMax: 10_000, queueMsMax: 15_000 };

export type StreamWriter = AsyncDisposable & { readonly write: WriteStreams; readonly loads: readonly Load[] };

export function createStreamWriter(parts: Parts): StreamWriter {
  const { streamQueueMax, queueMsMax } = parts.limits ?? standardLimits;
  const lanes: Record<Lane, OpenLane> = {
    userData: openLane(parts, new Quota('stream_user_data', streamQueueMax)),
    toDevice: openLane(parts, new Quota('stream_to_device', streamQueueMax)),
    deviceLists: openLane(parts, new Quota('stream_device_lists', streamQueueMax)),
    ephemeral: openLane(parts, new Quota('stream_ephemeral', streamQueueMax)),
    completions: openLane(parts, new Quota('stream_completions', streamQueueMax)),
  };
  const write = (lane: Lane, run: Entry['run']): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const deadlineMs = parts.clock.monotonicMs() + queueMsMax;
      if (!lanes[lane].batcher.add({ run, resolve, reject, deadlineMs })) reject(tooMuchWaiting());
    });
  return {
    loads: Object.values(lanes).map(({ waiting }) => waiting),
    // An entry is resolved with what its own `run` gave, which the list of entries cannot say.
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    write: write as WriteStreams,
    async [Symbol.asyncDispose]() {
      for (const { batcher, client } of Object.values(lanes)) {
        await batcher.settled();
        await client[Symbol.asyncDispose]();
      }
    },
  };
}

type OpenLane = { readonly batcher: Batcher<Entry>; readonly client: WriterClient; readonly waiting: Quota };

function openLane(parts: Parts, waiting: Quota): OpenLane {
  const client = createWriterClient(parts);
  let wasInterrupted = false;
  const writeAll = async (entries: readonly Entry[], attempt: number): Promise<void> => {
    try {
      const { results, commits } = await writeTogether(await client.get(), entries);
      await parts.committed(commits);
      if (wasInterrupted) await parts.recovered?.();
      wasInterrupted = false;
      for (const [index, entry] of entries.entries()) entry.resolve(results[index]);
    } catch (error) {
      if (isConnectionLost(error)) {
        parts.logger.warn({ err: error }, 'a write to the streams was interrupted');
        client.drop();
        wasInterrupted = true;
        for (const entry of entries) entry.reject(databaseAway(error));
      } else if (isConflict(error) && attempt < CONFLICT_TRIES_MAX) {
        await backOff(attempt, retryBackoff);
        await writeAll(entries, attempt + 1);
      } else if (entries.length > 1) {
        // One of them is to blame, and fails alone.
        for (const entry of entries) await writeAll([entry], 1);
      } else if (isContention(error) && attempt < LOCK_TRIES_MAX) await writeAll(entries, attempt + 1);
      else for (const entry of entries) entry.reject(findUnavailable(error) ?? error);
    }
  };
  const run = async (entries: readonly Entry[]): Promise<void> => {
    const nowMs = parts.clock.monotonicMs();
    const timely = entries.filter(({ deadlineMs }) => deadlineMs > nowMs);
    for (const entry of entries) if (entry.deadlineMs <= nowMs) entry.reject(databaseAway(undefined));
    if (timely.length > 0) await writeAll(timely, 1);
  };
  return { client, waiting, batcher: createBatcher<Entry>({ batchMax: BATCH_MAX, waiting, run }) };
}

/** One transaction for all. Nothing is written if it throws, unless the connection broke. */
async function writeTogether(
  client: DatabaseClient,
  entries: readonly Entry[],
): Promise<{ readonly results: readonly unknown[]; readonly commits: readonly StreamCommit[] }> {
  const sent: Promise<unknown>[] = [];
  const send = <T>(answer: Promise<T>): Promise<T> => {
    // What fails is thrown when all has been answered; until then nobody may be looking.
    answer.catch(() => undefined);
    sent.push(answer);
    return answer;
  };
  const plain = txOn(client);
  const begin = (): void => {
    if (sent.length === 0) void send(client.query('begin'));
  };
  const rows = new CollectedRows();
  const tx: StreamTx = {
    transaction: true,
    query: (statement, values) => {
      begin();
      return plain.query(statement, values);
    },
    add: (added) => rows.add(added),
    added: (kind) => rows.of(kind),
  };
  const results: unknown[] = [];
  try {
    for (const entry of entries) results.push(await entry.run(tx));
  } catch (error) {
    if (sent.length > 0) await client.query('rollback');
    throw error;
  }
  const streams = rows.streams();
  if (streams.length > 0) begin();
  // Sent together, so that nothing of this process can come between taking a stream's lock and giving it back.
  const locked = streams.map((stream) => ({ stream, before: send(lockStreamIn(plain, stream)) }));
  const flushed = locked.map(({ stream, before }) => ({ stream, before, kinds: rows.write(plain, stream) }));
  for (const { kinds } of flushed) for (const { written } of kinds) void send(written);
  if (sent.length > 0) void send(client.query('commit'));
  const failed = (await Promise.allSettled(sent)).find((outcome) => outcome.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return { results, commits: await Promise.all(flushed.map(commitOf)) };
}

async function commitOf(flushed: {
  readonly stream: number;
  readonly before: Promise<number>;
  readonly kinds: ReturnType<CollectedRows['write']>;
}): Promise<StreamCommit> {
  const before = await flushed.before;
  const changes = (await Promise.all(flushed.kinds.map((kind) => kind.written))).flat().map(changeOf);
  const count = flushed.kinds.reduce((sum, kind) => sum + kind.count, 0);
  return { stream: flushed.stream, changes: changes.toSorted((a, b) => a.pos - b.pos), before, upTo: before + count };
}
