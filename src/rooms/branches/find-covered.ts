/** Owns the question which events lie in the auth chains of a state that is too large to walk through. */
import type { ReadTx } from '#storage/database.ts';
import { findCitations } from '#storage/rooms/find-graph.ts';

/** Citations of one event that are looked at; the next step reads the rest only of those that have more. */
const citationsAtOnce = 50;
const citationsMax = 100_000;

/**
 * Which of the events are cited, directly or through others, by an event that `isInState` knows. The walk goes from an
 * event up to those that cite it, and ends at the first that is in the state: of old power levels that is mostly the
 * first one looked at.
 */
export async function findCovered(
  database: ReadTx,
  eventNids: readonly number[],
  isInState: (citation: { readonly eventNid: number; readonly keyNid: number }) => Promise<boolean>,
): Promise<ReadonlySet<number>> {
  const covered = new Set<number>();
  const uncovered = new Set<number>();
  for (const eventNid of eventNids) {
    const walk = await walkUp(database, eventNid, { covered, uncovered, isInState });
    for (const nid of walk.isCovered ? [eventNid] : walk.passed) (walk.isCovered ? covered : uncovered).add(nid);
  }
  return covered;
}

type Walk = {
  readonly covered: ReadonlySet<number>;
  /** Events of which it is known that nothing in the state builds on them. */
  readonly uncovered: ReadonlySet<number>;
  readonly isInState: (citation: { readonly eventNid: number; readonly keyNid: number }) => Promise<boolean>;
};

async function walkUp(
  database: ReadTx,
  from: number,
  { covered, uncovered, isInState }: Walk,
): Promise<{ readonly isCovered: boolean; readonly passed: ReadonlySet<number> }> {
  const passed = new Set([from]);
  let wanted = [from];
  let limit = citationsAtOnce;
  while (wanted.length > 0) {
    const citations = await findCitations(database, wanted, limit);
    const counts = new Map<number, number>();
    const next: number[] = [];
    for (const { auth_nid: authNid, event_nid: eventNid, key_nid: keyNid } of citations) {
      counts.set(authNid, (counts.get(authNid) ?? 0) + 1);
      if (passed.has(eventNid) || uncovered.has(eventNid)) continue;
      passed.add(eventNid);
      if (covered.has(eventNid)) return { isCovered: true, passed };
      if (keyNid !== null && (await isInState({ eventNid, keyNid }))) return { isCovered: true, passed };
      next.push(eventNid);
    }
    if (passed.size > citationsMax) throw new Error(`More than ${citationsMax} events build on event ${from}.`);
    const unread = wanted.filter((nid) => (counts.get(nid) ?? 0) >= limit);
    wanted = [...unread, ...next];
    limit = unread.length > 0 ? limit * 10 : citationsAtOnce;
  }
  return { isCovered: false, passed };
}
