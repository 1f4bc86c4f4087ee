/** Owns the stream of committed events as this process sees it: what is new, up to where, and who waits for it. */
import type { EventFact } from '#streams/event-fact.ts';

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
  /** Resolves when a fact concerns one of these rooms or this user's own membership, or at the deadline, or on abort. */
  waitFor(wanted: WaitFor): Promise<void>;
};
