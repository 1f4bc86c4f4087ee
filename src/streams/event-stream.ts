/** Owns the stream of committed events as this process sees it: what is new, up to where, and who waits for it. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findLastEventPosition } from '#storage/streams/find-stream-events.ts';
import type { EventFact } from '#streams/event-fact.ts';
import { FactRing, type FactRingBounds } from '#streams/fact-ring.ts';
import { Notifier } from '#streams/notifier.ts';
import { readFacts, type ReadFact } from '#streams/read-facts.ts';
import { openTokenEpochs } from '#streams/token-epochs.ts';
import { Waiters } from '#streams/waiters.ts';

const POLL_MS = 1_000;
const READ_LIMIT = 1_000;
const ringBounds: FactRingBounds = { factsMax: 20_000, charactersMax: 32 * 1024 * 1024 };

/** What a waiter wants to hear of. */
export type WaitFor = {
  readonly roomNids: Iterable<number>;
  /** A membership event of this user wakes too, in whatever room. */
  readonly userId: string;
  /** What stands at or before this position is known already. */
  readonly after: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type EventStream = AsyncDisposable & {
  /** The epoch that new tokens name. */
  readonly epoch: number;
  /** Greatest position whose events this process has read; a sync answers up to here and never beyond. */
  readonly horizon: number;
  /** The persister calls this right after COMMIT with the facts of its batch, ascending, contiguous. */
  committed(facts: readonly EventFact[]): void;
  /** Facts with pos in (after, horizon], or undefined when the ring no longer reaches back to `after`. */
  factsSince(after: number): readonly EventFact[] | undefined;
  /** Whether `roomFactsSince` and `memberFactsSince` know everything after this position. */
  reachesBackTo(after: number): boolean;
  /** Facts of one room after a position, oldest first. Ask `reachesBackTo` before. */
  roomFactsSince(roomNid: number, after: number): readonly EventFact[];
  /** `m.room.member` facts whose state key is this user, oldest first. Ask `reachesBackTo` before. */
  memberFactsSince(userId: string, after: number): readonly EventFact[];
  /** Whether an event of the ring has been redacted since: its stem must not be shown, the table knows how it looks. */
  isRedacted(eventNid: number): boolean;
  /** Reads what other processes have committed; when it resolves, all that was committed before the call is known. */
  catchUp(): Promise<void>;
  /** The position of this epoch that a position of an older one means; undefined for an epoch that never was. */
  positionInEpoch(epoch: number, position: number): number | undefined;
  /**
   * Resolves when a fact concerns one of these rooms or this user's own membership, or at the deadline, or on abort; with
   * the position up to which none did, so that who waited long need not look at what has passed since.
   */
  waitFor(wanted: WaitFor): Promise<number>;
};

export type EventStreamParts = {
  readonly database: Database;
  readonly tries: Pick<StateTries, 'find'>;
  readonly clock: Clock;
  readonly logger: Logger;
};

/** Starts at what is committed now, with an empty ring. The database must be migrated. */
export async function openEventStream(
  parts: EventStreamParts,
  bounds: FactRingBounds = ringBounds,
): Promise<EventStream> {
  const { database, tries, clock, logger } = parts;
  const epochs = await openTokenEpochs(parts);
  const ring = new FactRing(await findLastEventPosition(database), bounds);
  const waiters = new Waiters(clock, ring.horizon);

  const append = (facts: readonly EventFact[]): void => {
    for (const fact of facts) ring.append(fact);
    waiters.wake(facts);
  };
  // Positions are visible in their order, so whatever this process committed while it read lies before what it has not
  // seen: dropping the rows up to the horizon leaves exactly those that are missing.
  // All pages are appended in one turn: between two of them the horizon could lie inside a batch, where no head says
  // what the state is.
  const readNew = async (): Promise<void> => {
    const read: ReadFact[] = [];
    let page;
    do {
      page = await readFacts(database, tries, read.at(-1)?.fact.pos ?? ring.horizon, READ_LIMIT);
      read.push(...page);
    } while (page.length === READ_LIMIT);
    const fresh = read.filter(({ fact }) => fact.pos > ring.horizon);
    append(fresh.map(({ fact }) => fact));
    for (const { fact, redacted } of fresh) if (redacted) ring.markRedacted(fact.eventNid);
  };
  const catchUp = singleFlight(readNew);
  const poll = (): void => {
    catchUp().catch((error: unknown) => logger.warn({ err: error }, 'the event stream could not be read'));
  };
  const notifier = new Notifier({
    database,
    clock,
    logger,
    onNews: (pos) => {
      if (pos === undefined || pos > ring.horizon) poll();
    },
  });
  const pollTimer = setInterval(poll, POLL_MS).unref();

  return {
    epoch: epochs.current,
    get horizon() {
      return ring.horizon;
    },
    committed(facts) {
      const first = facts[0];
      const last = facts.at(-1);
      if (first === undefined || last === undefined) return;
      notifier.announce(last.pos);
      if (first.pos === ring.horizon + 1) append(facts);
      else if (last.pos > ring.horizon) poll();
    },
    factsSince: (after) => (ring.reachesBackTo(after) ? ring.since(after) : undefined),
    reachesBackTo: (after) => ring.reachesBackTo(after),
    roomFactsSince: (roomNid, after) => ring.ofRoomSince(roomNid, after),
    memberFactsSince: (userId, after) => ring.ofMemberSince(userId, after),
    isRedacted: (eventNid) => ring.isRedacted(eventNid),
    catchUp,
    positionInEpoch: (epoch, position) => epochs.positionInEpoch(epoch, position),
    waitFor: (wanted) => (hasNews(ring, wanted) ? Promise.resolve(wanted.after) : waiters.wait(wanted)),
    async [Symbol.asyncDispose]() {
      clearInterval(pollTimer);
      waiters[Symbol.dispose]();
      await notifier[Symbol.asyncDispose]();
      await catchUp.settled();
    },
  };
}

/** Whether something that the waiter wants came while it was deciding to wait. */
function hasNews(ring: FactRing, { roomNids, userId, after }: WaitFor): boolean {
  if (ring.horizon <= after) return false;
  if (!ring.reachesBackTo(after) || ring.ofMemberSince(userId, after).length > 0) return true;
  for (const roomNid of roomNids) if (ring.ofRoomSince(roomNid, after).length > 0) return true;
  return false;
}

type SingleFlight = (() => Promise<void>) & {
  /** Resolves when nothing runs any more; it never rejects. */
  readonly settled: () => Promise<void>;
};

/** Runs one at a time. A call during a run shares the one that starts after it, so it sees all that was there before. */
function singleFlight(run: () => Promise<void>): SingleFlight {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    const current = run().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  const call = (): Promise<void> => {
    if (running === undefined) return start();
    next ??= running.then(ignore, ignore).then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
  return Object.assign(call, {
    settled: async () => {
      await running?.then(ignore, ignore);
      await next?.then(ignore, ignore);
    },
  });
}

function ignore(): void {}
