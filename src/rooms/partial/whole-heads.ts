/** Owns the states at a partial room's heads, and where its next event goes, once the states before its events are whole. */
import type { Restated, WholeStates } from '#rooms/partial/whole-states.ts';
import type { HeadSince } from '#storage/rooms/whole-states.ts';

/** As many as an event of ours can follow. */
const EXTREMITIES_MAX = 20;

/** The states at the heads, of which most share that of the one before. */
export async function wholeRoots(
  states: WholeStates,
  heads: readonly HeadSince[],
): Promise<{ readonly roomSeq: number; readonly root: number }[]> {
  const roots: { readonly roomSeq: number; readonly root: number }[] = [];
  for (const { roomSeq, extremityNids } of heads) {
    roots.push({ roomSeq, root: await states.stateAfterAll(extremityNids) });
  }
  return roots;
}

/** Whether some of the events are judged otherwise by the whole state. */
export function isJudgedAnew(restated: Iterable<Restated>): boolean {
  for (const { event, status } of restated) if (event.status !== status) return true;
  return false;
}

/**
 * The room's extremities by what its events are now: accepted, and followed by no accepted one, be it by way of others. The
 * newest first. `restated` has those first that others follow.
 */
export function wholeExtremities(
  restated: ReadonlyMap<number, Restated>,
  newest: readonly number[],
): readonly number[] {
  const isAccepted = (nid: number): boolean => (restated.get(nid)?.status ?? 'accepted') === 'accepted';
  const candidates = [...new Set([...newest.filter((nid) => !restated.has(nid)), ...restated.keys()])].filter(
    isAccepted,
  );
  const followed = new Set<number>();
  for (const nid of candidates) {
    const open = [...(restated.get(nid)?.event.prevNids ?? [])];
    const passed = new Set<number>();
    for (let prev = open.pop(); prev !== undefined; prev = open.pop()) {
      if (passed.has(prev)) continue;
      passed.add(prev);
      if (isAccepted(prev)) followed.add(prev);
      else open.push(...(restated.get(prev)?.event.prevNids ?? []));
    }
  }
  return candidates
    .filter((nid) => !followed.has(nid))
    .toReversed()
    .slice(0, EXTREMITIES_MAX);
}
