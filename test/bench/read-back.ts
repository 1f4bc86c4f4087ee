/** Owns the proof that a fast run lost nothing: every acknowledged event is read back and looked for. */
import type { MatrixClient } from '#test/bench/matrix-client.ts';

export type ReadBack = {
  acknowledged: number;
  lost: number;
  doubled: number;
  /** Acknowledged events that stand before an earlier one of the same sender. */
  reordered: number;
  /** Messages in the room whose sender never got an answer: at most as many as requests failed. */
  unacknowledged: number;
};

/**
 * Pages through the whole room and compares it with what was acknowledged: one list of event ids per sender, in the
 * order in which the sender got them. Throws `RequestFailure` when a page cannot be had.
 */
export async function readBack(client: MatrixClient, roomId: string, bySender: readonly string[][]): Promise<ReadBack> {
  const acknowledged = bySender.reduce((sum, ids) => sum + ids.length, 0);
  const newestFirst = await messageIds(client, roomId, acknowledged + 1000);
  return compare(newestFirst.toReversed(), bySender);
}

/** The verdict over one timeline, oldest first. Pure. */
export function compare(timeline: readonly string[], bySender: readonly string[][]): ReadBack {
  const places = new Map<string, number>();
  let doubled = 0;
  for (const [place, id] of timeline.entries()) {
    if (places.has(id)) doubled += 1;
    else places.set(id, place);
  }
  const seen = new Set<string>();
  const verdict: ReadBack = { acknowledged: 0, lost: 0, doubled, reordered: 0, unacknowledged: 0 };
  for (const ids of bySender) {
    let latest = -1;
    for (const id of ids) {
      verdict.acknowledged += 1;
      // Two sends answered with one event id are one event too few.
      const place = seen.has(id) ? undefined : places.get(id);
      seen.add(id);
      if (place === undefined) verdict.lost += 1;
      else if (place < latest) verdict.reordered += 1;
      else latest = place;
    }
  }
  for (const id of places.keys()) if (!seen.has(id)) verdict.unacknowledged += 1;
  return verdict;
}

/** What is wrong, in words; `failed` requests may have left that many events that nobody acknowledged. */
export function faultsOf(verdicts: readonly ReadBack[], failed: number): string[] {
  const total = (key: keyof ReadBack): number => verdicts.reduce((sum, verdict) => sum + verdict[key], 0);
  const acknowledged = total('acknowledged');
  const faults = (['lost', 'doubled', 'reordered'] as const)
    .filter((key) => total(key) > 0)
    .map((key) => `${key} ${total(key)} of ${acknowledged} acknowledged events`);
  if (total('unacknowledged') > failed) faults.push(`${total('unacknowledged')} events that no answer acknowledged`);
  return faults;
}

async function messageIds(client: MatrixClient, roomId: string, pagesMax: number): Promise<string[]> {
  const ids: string[] = [];
  let from: string | undefined;
  for (let page = 0; page < pagesMax; page += 1) {
    const { chunk, end } = await client.messages(roomId, 1000, from);
    for (const event of chunk) if (event.type === 'm.room.message') ids.push(event.event_id);
    // Some servers give an `end` beyond the beginning of the room, so its first event ends the walk too.
    if (end === undefined || end === from || chunk.some(({ type }) => type === 'm.room.create')) return ids;
    from = end;
  }
  throw new Error(`/messages of ${roomId} did not end after ${pagesMax} pages`);
}
