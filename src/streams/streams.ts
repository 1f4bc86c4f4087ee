/**
 * Owns the five streams of this process together: how far each is read, waiting for news in any of them, writing to the
 * four beside events, and hearing of other processes.
 */
import type { Logger } from '#core/logger.ts';
import { Quota, type Load } from '#core/quota.ts';
import { findNewestPositions } from '#storage/streams/find-changes.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { Change } from '#streams/change.ts';
import { openChangeStream, type ChangeStream } from '#streams/change-stream.ts';
import type { EventCommit } from '#streams/event-fact.ts';
import { openEventStream, type EventStream, type EventStreamParts } from '#streams/event-stream.ts';
import type { FactRingBounds } from '#streams/fact-ring.ts';
import { hasNews, type Listener } from '#streams/has-news.ts';
import { createStreamWriter, type StreamQueueLimits, type WriteStreams } from '#streams/stream-writer.ts';
import type { StreamPositions, SyncToken } from '#streams/sync-token.ts';
import { openTokenEpochs, type TokenEpochsParts } from '#streams/token-epochs.ts';
import { Waiters } from '#streams/waiters.ts';
import type { Carrier } from '#streams/wake-ups/channel.ts';
import { Notifier, type WakeUpStatus } from '#streams/wake-ups/notifier.ts';
import { startPoll } from '#streams/wake-ups/poll.ts';
import { postgresCarrier } from '#streams/wake-ups/postgres-channel.ts';

/** What a waiter wants to hear of, and for how long it waits. */
export type WaitFor = Listener & {
  /** What stands at or before these positions is known already. */
  readonly after: StreamPositions;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

/** The streams as readers have them. */
export type StreamReaders = {
  readonly events: EventStream;
  readonly userData: ChangeStream;
  readonly toDevice: ChangeStream;
  readonly deviceLists: ChangeStream;
  readonly ephemeral: ChangeStream;
};

export type Streams = StreamReaders &
  AsyncDisposable & {
    /** The epoch that new tokens name. */
    readonly epoch: number;
    /** How far each stream is read, in the order of sync tokens. */
    readonly horizons: StreamPositions;
    /** The persister calls this right after COMMIT. */
    committed(commit: EventCommit): void;
    /** When it resolves, all that was committed before the call is known. One query, if this process is not behind. */
    catchUp(): Promise<void>;
    /** Whether another process may have written what this one has not heard of yet. */
    readonly isShared: boolean;
    /** The positions of this epoch that those of a token mean; undefined for an epoch that this process has not read of. */
    positionsInEpoch(token: SyncToken): StreamPositions | undefined;
    /** Reads the epochs again: another process may have begun one. */
    refreshEpochs(): Promise<void>;
    /**
     * Resolves when something concerns the listener, or at the deadline, or on abort; with the positions up to which
     * nothing did, so that who waited long need not look at what has passed since.
     */
    waitFor(wanted: WaitFor): Promise<StreamPositions>;
    /** Calls back whenever something is new in any stream, which must take no time: whoever writes waits for it. */
    watch(noteNews: () => void): Disposable;
    /** Writes to the streams beside events; see `stream-writer.ts`. */
    readonly write: WriteStreams;
    readonly loads: readonly Load[];
    /** How this process and the others wake each other, now. */
    readonly wakeUps: WakeUpStatus;
  };

export type StreamsParts = TokenEpochsParts & {
  readonly tries: Pick<StateTries, 'find'>;
  readonly logger: Logger;
  /** `waitingSyncsMax`: how many may wait for news at a time. */
  readonly limits?: StreamQueueLimits & { readonly waitingSyncsMax: number };
  /** What carries wake-ups between processes; the database itself unless said otherwise. */
  readonly carrier?: Carrier;
};

/** Starts at what is committed now. The database must be migrated. */
export async function openStreams(parts: StreamsParts, bounds?: FactRingBounds): Promise<Streams> {
  const { database, tries, clock, logger, limits } = parts;
  await using opening = new AsyncDisposableStack();
  const epochs = await openTokenEpochs(parts);
  const waiting = new Quota('waiting_syncs', limits?.waitingSyncsMax ?? Infinity);
  const waiters = opening.use(new Waiters(clock, waiting));
  const warn = (error: unknown): void => logger.warn({ err: error }, 'a stream could not be read');
  const readers = await openReaders({ database, tries, waiters, warn }, bounds);
  const { events, userData, toDevice, deviceLists, ephemeral } = readers;
  const all = [events, userData, toDevice, deviceLists, ephemeral];
  opening.defer(async () => void (await Promise.all(all.map((stream) => stream.settled()))));

  /** Reads the streams of which there is something at these positions. */
  const readUpTo = async (positions: readonly number[]): Promise<void> => {
    const behind = all.filter((stream, index) => (positions[index] ?? 0) > stream.horizon);
    await Promise.all(behind.map((stream) => stream.catchUp()));
  };
  const onPositions = (positions: readonly number[]): void => void readUpTo(positions).catch(warn);
  const carrier = parts.carrier ?? postgresCarrier(database);
  const onNews = (positions: readonly number[] | undefined): void =>
    void (positions === undefined ? poll.look() : onPositions(positions));
  const notifier = new Notifier({ carrier, clock, logger, onNews });
  const isWoken = (): boolean => notifier.status.connected;
  const poll = opening.use(startPoll({ database, isWoken, onPositions, warn }));
  opening.use(notifier);
  // No lock is needed: a position that is taken and not committed was not acknowledged either.
  const catchUp = async (): Promise<void> => readUpTo(await findNewestPositions(database));
  const writer = opening.use(
    createStreamWriter({
      ...parts,
      recovered: () => catchUp().catch(warn),
      committed: async (commits) => {
        const known = commits.map(async ({ stream, changes, before, upTo }) => {
          notifier.announce(stream - 1, upTo);
          await [userData, toDevice, deviceLists, ephemeral][stream - 2]?.committed(changes, before, upTo);
        });
        await Promise.all(known);
      },
    }),
  );
  const opened = opening.move();
  return {
    ...readers,
    get epoch() {
      return epochs.current;
    },
    get horizons() {
      return waiters.horizons;
    },
    committed(commit) {
      const last = commit.facts.at(-1);
      if (last !== undefined) notifier.announce(0, last.pos);
      events.committed(commit);
    },
    catchUp,
    get isShared() {
      return !isWoken() || notifier.hasPeers;
    },
    positionsInEpoch: (token) => epochs.positionsInEpoch(token),
    refreshEpochs: () => epochs.refresh(),
    waitFor: (wanted) =>
      hasNews(readers, wanted, wanted.after) ? Promise.resolve(wanted.after) : waiters.wait(wanted),
    watch: (noteNews) => waiters.watch(noteNews),
    write: writer.write,
    loads: [waiting, ...writer.loads],
    get wakeUps() {
      return notifier.status;
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

async function openReaders(parts: Omit<EventStreamParts, 'readWhatCameBefore'>, bounds: FactRingBounds | undefined) {
  const { database, waiters, warn } = parts;
  let events: EventStream | undefined;
  // Nobody who hears that a room is complete finds facts that still name its states of before.
  const beforeTold = (changes: readonly Change[] | undefined): void => {
    if (changes?.some(({ kind }) => kind === 'completedRooms') ?? true) events?.forget();
  };
  const [userData, toDevice, deviceLists, ephemeral] = await Promise.all([
    openChangeStream({ database, waiters, index: 1, warn, beforeTold }),
    openChangeStream({ database, waiters, index: 2, warn }),
    openChangeStream({ database, waiters, index: 3, warn }),
    openChangeStream({ database, waiters, index: 4, warn }),
  ]);
  const opened = await openEventStream({ ...parts, readWhatCameBefore: () => toDevice.catchUp() }, bounds);
  events = opened;
  return { events: opened, userData, toDevice, deviceLists, ephemeral };
}
