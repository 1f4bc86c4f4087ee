/** Owns taking in a single event of a history of which nothing around it is here. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
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
  const before = await findGapOrder(parts, asked.room.roomNid, event);
  if (before === undefined) return false;
  const outcome = await persistHistory(parts, asked, event, before);
  return outcome.kind === 'done' && outcome.status === 'accepted';
}

/** The order below which the event belongs into the gap that it comes from, as far as its depth tells; undefined without gaps. */
export async function findGapOrder(
  { database }: Pick<GapParts, 'database'>,
  roomNid: number,
  { eventId, pdu }: ValidatedPdu,
): Promise<number | undefined> {
  const places = await findGapPlaces(database, roomNid);
  // From the lowest upwards, the first whose follower is deeper than the event.
  const place = places.find(({ followerDepth }) => followerDepth > pdu.depth) ?? places.at(-1);
  if (place === undefined) return undefined;
  const { beforeOrder, orderBelow, missingIds } = place;
  const middle = orderBelow === null ? beforeOrder - orderBelowAll : Math.ceil((orderBelow + beforeOrder) / 2);
  return missingIds.includes(eventId) ? beforeOrder : middle;
}
