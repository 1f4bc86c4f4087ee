/** Owns collecting the events between what is here and an event that has come. */
import { eventIdsOf } from '#matrix/pdu.ts';
import { redactedCopy, validatePdu } from '#matrix/pdu-checks.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { fetchMissingEvents, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import { followedFirst } from '#rooms/followed-first.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { loadRoomView } from '#rooms/persist/room-view.ts';
import { isJudged } from '#storage/rooms/event-status.ts';
import { findEventPlaces, type EventPlaceRow } from '#storage/rooms/find-graph.ts';
import { findStaged } from '#storage/rooms/inbound-staging.ts';

/** Events asked for at once, and in all. */
const LIMIT = 50;
const EVENTS_MAX = 500;
/** As many as an event may follow. */
const LATEST_MAX = 20;

/** Events by id that are not in the room's graph yet, with what could be had of what they follow. */
export type Pool = Map<string, ValidatedPdu>;

/** Events that wait to be worked through are here already. */
export async function addStaged({ database }: ReceiveParts, { room }: Asked, pool: Pool): Promise<void> {
  for (let missing = await findMissing(database, room.roomNid, pool); missing.length > 0;) {
    const rows = await findStaged(database, room.roomId, missing);
    for (const { json } of rows) {
      const verdict = validatePdu(json, room.version);
      if (!verdict.ok) continue;
      const event = verdict.event.contentHashMatches ? verdict.event : redactedCopy(verdict.event);
      pool.set(event.eventId, event);
    }
    if (rows.length === 0 || pool.size >= EVENTS_MAX) return;
    missing = await findMissing(database, room.roomNid, pool);
  }
}

/**
 * Asks the server for what the event follows, and again while its answers are full: a shorter one is all that it has to tell.
 * Gives the ids of what it told.
 */
export async function addMissing(parts: ReceiveParts, asked: Asked, pool: Pool, eventId: string): Promise<string[]> {
  const { roomId, roomNid } = asked.room;
  const view = await loadRoomView(parts.database, roomId);
  const earliest = (view?.head.extremities ?? []).map(({ id }) => id);
  const told: string[] = [];
  for (let latest = [eventId]; latest.length > 0 && pool.size < EVENTS_MAX;) {
    const events = await fetchMissingEvents(parts, asked, { earliest, latest, limit: LIMIT });
    const before = pool.size;
    for (const event of events) if (!pool.has(event.eventId)) pool.set(event.eventId, event);
    told.push(...events.map((event) => event.eventId));
    if (events.length < LIMIT || pool.size === before) break;
    const missing = new Set(await findMissing(parts.database, roomNid, pool));
    const open = [...pool.values()].filter((event) => prevIdsOf(event).some((id) => missing.has(id)));
    latest = open.slice(0, LATEST_MAX).map((event) => event.eventId);
  }
  return told;
}

export function prevIdsOf({ pdu }: ValidatedPdu): string[] {
  return eventIdsOf(pdu.prev_events);
}

/** What events of the pool follow that is neither in it nor has a place in the room here. */
export async function findMissing(
  database: ReceiveParts['database'],
  roomNid: number,
  pool: ReadonlyMap<string, ValidatedPdu>,
): Promise<string[]> {
  const wanted = [...new Set([...pool.values()].flatMap(prevIdsOf))].filter((id) => !pool.has(id));
  const places = await findEventPlaces(database, wanted);
  return wanted.filter((id) => !hasPlace(places.get(id), roomNid));
}

/** Which of the events have a place in the room here. */
export async function findPlaced(
  database: ReceiveParts['database'],
  roomNid: number,
  eventIds: readonly string[],
): Promise<string[]> {
  const places = await findEventPlaces(database, eventIds);
  return eventIds.filter((id) => hasPlace(places.get(id), roomNid));
}

function hasPlace(place: EventPlaceRow | undefined, roomNid: number): boolean {
  return place?.roomNid === roomNid && isJudged(place.status) && place.stateBefore !== undefined;
}

/** Followed before following. */
export function inOrder(pool: ReadonlyMap<string, ValidatedPdu>): ValidatedPdu[] {
  return followedFirst([...pool.values()], ({ eventId }) => eventId, prevIdsOf);
}
