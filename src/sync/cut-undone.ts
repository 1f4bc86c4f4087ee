/** Owns what is left of a timeline whose state events a state resolution has undone. */
import type { ReadTx } from '#storage/database.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { Timeline, TimelineItem } from '#sync/timelines.ts';

type Parts = { readonly database: ReadTx; readonly tries: StateTries };

/**
 * A client that applies `state` and then the timeline would end with what was undone. It gets the state after the
 * resolution instead and a gap before it, which it fills by scrolling. With `state_after` nothing need be cut.
 * Specification: Client-Server API, "Syncing".
 */
export async function cutUndone(parts: Parts, timeline: Timeline): Promise<Timeline> {
  const fork = timeline.forks.at(-1);
  if (fork === undefined) return timeline;
  const until = timeline.items.filter((item) => item.pos <= fork.pos);
  if (!(await hasUndone(parts, timeline.plan.roomNid, until, fork.rootAfter))) return timeline;
  const items = timeline.items.slice(until.length);
  const startOrder = (until.at(-1)?.roomOrder ?? 0) + 1;
  return { ...timeline, items, startOrder, limited: true, forks: [] };
}

/** Whether a key of the state has another event than the last of the items that set it. */
async function hasUndone(
  { database, tries }: Parts,
  roomNid: number,
  items: readonly TimelineItem[],
  root: number,
): Promise<boolean> {
  const last = new Map<string, TimelineItem & { readonly stateKey: string }>();
  for (const item of items) {
    const { type, stateKey } = item;
    if (stateKey !== undefined) last.set(JSON.stringify([type, stateKey]), { ...item, stateKey });
  }
  const entries = [...last.values()];
  const keys = await findStateKeys(
    database,
    entries.map(({ type, stateKey }) => [type, stateKey]),
  );
  for (const [index, { eventNid }] of entries.entries()) {
    const keyNid = keys[index];
    if (keyNid === undefined || (await tries.find(database, roomNid, root, keyNid)) !== eventNid) return true;
  }
  return false;
}
