/** Owns one of the four streams beside events as this process sees it: what changed, and up to where. */
import { singleFlight } from '#core/single-flight.ts';
import type { ReadTx } from '#storage/database.ts';
import { findChanges, findSettledPosition } from '#storage/streams/find-changes.ts';
import { changeOf, type Change, type ChangeKind } from '#streams/change.ts';
import { ChangeRing, type ChangeRingBounds } from '#streams/change-ring.ts';
import type { Stream } from '#streams/stream.ts';
import type { Waiters } from '#streams/waiters.ts';

const ringBounds: ChangeRingBounds = { changesMax: 20_000, keysMax: 200_000 };
/** If more has passed unseen, what each user missed is cheaper asked for than told. */
const READ_LIMIT = 5_000;

export type ChangeStream = Stream<Change> & {
  /** Whether `hasSince` knows everything after this position. */
  reachesBackTo(after: number): boolean;
  /** Whether there is a change of this kind for a device (`toDevice`), a user or a room. Ask `reachesBackTo` before. */
  hasSince(kind: ChangeKind, key: number, after: number): boolean;
  /**
   * What a transaction of this process has committed: all positions with before < pos ≤ upTo. When it resolves they are
   * read, unless the database is away; whoever asks this process after an answer finds what the answer was about.
   */
  committed(changes: readonly Change[], before: number, upTo: number): Promise<void>;
};

export type ChangeStreamParts = {
  readonly database: ReadTx;
  readonly waiters: Waiters;
  /** Place in the sync token; the stream's number in the database is one more. */
  readonly index: number;
  readonly warn: (error: unknown) => void;
  /** Called before anybody hears of changes; undefined stands for more than were read. */
  readonly beforeTold?: (changes: readonly Change[] | undefined) => void;
};

/** Starts at what is committed now, with an empty ring. */
export async function openChangeStream(
  parts: ChangeStreamParts,
  bounds: ChangeRingBounds = ringBounds,
): Promise<ChangeStream & { settled(): Promise<void> }> {
  const { database, waiters, index, beforeTold } = parts;
  const stream = index + 1;
  const ring = new ChangeRing(await findSettledPosition(database, stream), bounds);
  waiters.startAt(index, ring.horizon);

  const append = (changes: readonly Change[], horizon: number): void => {
    beforeTold?.(changes);
    ring.append(changes, horizon);
    waiters.wakeForChanges(index, changes, horizon);
  };
  // Positions are visible in their order: all up to the settled one are seen by the query after it, and whatever else
  // that one sees follows without a gap.
  const readNew = async (): Promise<void> => {
    const settled = await findSettledPosition(database, stream);
    if (settled <= ring.horizon) return;
    const rows = await findChanges(database, stream, ring.horizon, READ_LIMIT + 1);
    const horizon = Math.max(settled, rows.at(-1)?.pos ?? 0, ring.horizon);
    if (rows.length > READ_LIMIT) {
      beforeTold?.(undefined);
      ring.reset(horizon);
      waiters.wakeAll(index, horizon);
      return;
    }
    append(rows.filter((row) => row.pos > ring.horizon).map(changeOf), horizon);
  };
  const catchUp = singleFlight(readNew);
  return {
    get horizon() {
      return ring.horizon;
    },
    since: (after) => (ring.reachesBackTo(after) ? ring.since(after) : undefined),
    reachesBackTo: (after) => ring.reachesBackTo(after),
    hasSince: (kind, key, after) => ring.hasSince(kind, key, after),
    catchUp,
    async committed(changes, before, upTo) {
      // Who hears of these is asked when they are read.
      const isComplete = !changes.some(({ kind }) => kind === 'deviceLists' || kind === 'presence');
      if (ring.horizon === before && isComplete) append(changes, upTo);
      else if (ring.horizon < upTo) await catchUp().catch(parts.warn);
    },
    settled: () => catchUp.settled(),
  };
}
