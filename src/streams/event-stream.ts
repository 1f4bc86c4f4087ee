/** Owns the stream of committed events as this process sees it: what is new, up to where, and who waits for it. */
import { singleFlight } from '#core/single-flight.ts';
import type { Database } from '#storage/database.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import { findLastEventPosition } from '#storage/streams/find-stream-events.ts';
import type { EventCommit, EventFact } from '#streams/event-fact.ts';
import { FactRing, type FactRingBounds } from '#streams/fact-ring.ts';
import { readFacts } from '#streams/read-facts.ts';
import type { Stream } from '#streams/stream.ts';
import type { Waiters } from '#streams/waiters.ts';

const READ_LIMIT = 1_000;
const ringBounds: FactRingBounds = { factsMax: 20_000, charactersMax: 32 * 1024 * 1024 };

export type EventStream = Stream<EventFact> & {
  /** The persister calls this right after COMMIT. */
  committed(commit: EventCommit): void;
  /** Resolves when all that this process has committed is read, without asking; undefined while it is. */
  readonly readingOwn: Promise<void> | undefined;
  /** Whether `roomFactsSince` and `memberFactsSince` know everything after this position. */
  reachesBackTo(after: number): boolean;
  /** Facts of one room after a position, oldest first. Ask `reachesBackTo` before. */
  roomFactsSince(roomNid: number, after: number): readonly EventFact[];
  /** `m.room.member` facts whose state key is this user, oldest first. Ask `reachesBackTo` before. */
  memberFactsSince(userId: string, after: number): readonly EventFact[];
  /** Forgets all facts: a room's state has been completed, and the facts name the states of before. The table has them right. */
  forget(): void;
  /** How often that was done: what somebody remembers of rooms by facts may not be so either. */
  readonly forgottenCount: number;
  /** Whether an event of the ring has been redacted since: its stem must not be shown, the table knows how it looks. */
  isRedacted(eventNid: number): boolean;
};

export type EventStreamParts = {
  readonly database: Database;
  readonly tries: Pick<StateTries, 'find'>;
  readonly waiters: Waiters;
  readonly warn: (error: unknown) => void;
  /**
   * Awaited before events of other processes are told: who hears of an encrypted message has then also heard of the
   * message to the device that brought its key.
   */
  readonly readWhatCameBefore: () => Promise<void>;
};

/** Starts at what is committed now, with an empty ring. */
export async function openEventStream(
  parts: EventStreamParts,
  bounds: FactRingBounds = ringBounds,
): Promise<EventStream & { settled(): Promise<void> }> {
  const { database, tries, waiters, warn, readWhatCameBefore } = parts;
  const ring = new FactRing(await findLastEventPosition(database), bounds);
  waiters.startAt(0, ring.horizon);
  // Up to here nothing is missing; beyond the horizon there are positions that our own commits have left unused.
  let known = ring.horizon;
  let forgotten = 0;

  const append = (facts: readonly EventFact[]): void => {
    for (const fact of facts) ring.append(fact);
    waiters.wakeForEvents(facts);
  };
  // Positions are visible in their order, so whatever this process committed while it read lies before what it has not
  // seen: dropping the rows up to the horizon leaves exactly those that are missing.
  // All pages are appended in one turn, as a commit of our own is: in between the horizon could lie inside a batch, where no
  // head says what the state is.
  const readNew = async (): Promise<void> => {
    const read: EventFact[] = [];
    let page;
    let asOf;
    do {
      if (asOf !== forgotten) read.length = 0;
      asOf = forgotten;
      page = await readFacts(database, tries, read.at(-1)?.pos ?? ring.horizon, READ_LIMIT);
      read.push(...page);
      if (page.length < READ_LIMIT && read.length > 0) await readWhatCameBefore();
      // What was read before a room was completed names its states of before.
    } while (page.length === READ_LIMIT || asOf !== forgotten);
    append(read.filter((fact) => fact.pos > ring.horizon));
    known = Math.max(known, ring.horizon);
  };
  const catchUp = singleFlight(readNew);
  let readingOwn: Promise<void> | undefined;
  const readOwn = (): void => {
    const reading = catchUp()
      .catch(warn)
      .finally(() => {
        if (readingOwn === reading) readingOwn = undefined;
      });
    readingOwn = reading;
  };

  return {
    get horizon() {
      return ring.horizon;
    },
    get readingOwn() {
      return readingOwn;
    },
    committed({ facts, firstPos, lastPos }) {
      const last = facts.at(-1);
      if (firstPos === known + 1) {
        append(facts);
        known = lastPos;
      } else if (last !== undefined && last.pos > ring.horizon) readOwn();
    },
    since: (after) => (ring.reachesBackTo(after) ? ring.since(after) : undefined),
    reachesBackTo: (after) => ring.reachesBackTo(after),
    roomFactsSince: (roomNid, after) => ring.ofRoomSince(roomNid, after),
    memberFactsSince: (userId, after) => ring.ofMemberSince(userId, after),
    get forgottenCount() {
      return forgotten;
    },
    forget() {
      forgotten++;
      ring.reset();
    },
    isRedacted: (eventNid) => ring.isRedacted(eventNid),
    catchUp,
    settled: () => catchUp.settled(),
  };
}
