/** Owns taking in a single event of a history of which nothing around it is here. */
import { persistHistory } from '#rooms/backfill/fill-history.ts';
import { orderBelowAll } from '#rooms/persist/built-events.ts';
import { fetchEvent, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findGapPlaces } from '#storage/rooms/gaps.ts';

/**
 * Whether the event is here afterwards. It is put in the middle of the gap that it belongs to, as far as its depth tells, so
 * that what is between it and the rest finds room on both sides; that is fetched when somebody reads there.
 */
export async function fetchHistoricEvent(parts: GapParts, asked: Asked, eventId: string): Promise<boolean> {
  const event = await fetchEvent(parts, asked, eventId);
  if (event === undefined) return false;
  const places = await findGapPlaces(parts.database, asked.room.roomNid);
  // From the lowest upwards, the first whose follower is deeper than the event.
  const place = places.find(({ followerDepth }) => followerDepth > event.pdu.depth) ?? places.at(-1);
  if (place === undefined) return false;
  const { beforeOrder, orderBelow, missingIds } = place;
  const middle = orderBelow === null ? beforeOrder - orderBelowAll : Math.ceil((orderBelow + beforeOrder) / 2);
  const before = missingIds.includes(eventId) ? beforeOrder : middle;
  const outcome = await persistHistory(parts, asked, event, before);
  return outcome.kind === 'done' && outcome.status === 'accepted';
}
