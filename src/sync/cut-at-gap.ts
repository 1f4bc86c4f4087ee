/** Owns what is left of a timeline in which events are missing: a client must not take for neighbours what are none. */
import type { Timeline } from '#sync/timelines.ts';

/**
 * The timeline begins with the event before which others were missing when it came: they have no positions, also if they are
 * here by now, and a client finds them by scrolling from there. Specification: Client-Server API, "Syncing", `limited`.
 */
export function cutAtGap(timeline: Timeline): Timeline {
  const gap = timeline.forks.findLast(({ hasGapBefore }) => hasGapBefore);
  if (gap === undefined) return timeline;
  const items = timeline.items.filter(({ pos }) => pos >= gap.pos);
  const { pos: start, roomOrder } = items[0] ?? { pos: gap.pos, roomOrder: gap.roomOrder + 1 };
  const forks = timeline.forks.filter(({ pos }) => pos >= start);
  return { ...timeline, items, limited: true, startOrder: roomOrder, forks };
}
