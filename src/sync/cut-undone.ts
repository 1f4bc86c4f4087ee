/** Owns what is left of a timeline whose state events a state resolution has undone. */
import type { ReadTx } from '#storage/database.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';
import type { StateTries } from '#storage/rooms/state-tries.ts';
import type { Timeline, TimelineItem } from '#sync/timelines.ts';

type Parts = { readonly database: ReadTx; readonly tries: StateTries };

/**
 * A client that applies `state` and then the timeline would end with what was undone. The timeline begins behind the last
 * of that instead, with a gap before it, which the client fills by scrolling. With `state_after` nothing need be cut.
 * Specification: Client-Server API, "Syncing".
 */
export async function cutUndone(parts: Parts, timeline: Timeline): Promise<Timeline> {
  const fork = timeline.forks.at(-1);
  if (fork === undefined) return timeline;
  const until = timeline.items.filter((item) => item.pos <= fork.pos);
  const undone = await findLastUndone(parts, timeline.plan.roomNid, until, fork.rootAfter);
  if (undone === undefined) return timeline;
  const items = timeline.items.slice(undone.index + 1);
  const start = items[0]?.pos ?? Infinity;
  const forks = timeline.forks.filter(({ pos }) => pos >= start);
  return { ...timeline, items, startOrder: undone.roomOrder + 1, limited: true, forks };
}

type Placed = { readonly index: number; readonly roomOrder: number };

/** The last of the items that set a key of the state which has another event now. */
async function findLastUndone(
  { database, tries }: Parts,
  roomNid: number,
  items: readonly TimelineItem[],
  root: number,
): Promise<Placed | undefined> {
  const last = new Map<string, Placed & { readonly eventNid: number; readonly key: readonly [string, string] }>();
  for (const [index, { type, stateKey, eventNid, roomOrder }] of items.entries()) {
    if (stateKey === undefined) continue;
    const key = [type, stateKey] as const;
    last.set(JSON.stringify(key), { index, roomOrder, eventNid, key });
  }
  // The last first: mostly it is that one.
  const setters = [...last.values()].toSorted((one, other) => other.index - one.index);
  const keys = await findStateKeys(
    database,
    setters.map(({ key }) => key),
  );
  for (const [at, setter] of setters.entries()) {
    const keyNid = keys[at];
    if (keyNid === undefined || (await tries.find(database, roomNid, root, keyNid)) !== setter.eventNid) return setter;
  }
  return undefined;
}
