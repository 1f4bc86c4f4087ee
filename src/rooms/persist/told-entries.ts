/** Owns making a room's state of the ids of events that another server told. */
import { piecesOf } from '#core/pieces.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import type { ViewParts } from '#rooms/persist/room-view.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import type { NewState, StateRoot } from '#storage/rooms/state-tries.ts';

type Entry = readonly [keyNid: number, eventNid: number];

/** The state of a large room is looked up piece by piece, so that nobody else waits for long. */
const PLACES_AT_ONCE = 1_000;

/**
 * The events by the number of their key, without those that their own auth events do not permit. Throws a MissingEventsError
 * if one is not here.
 */
export async function findToldEntries(
  database: ViewParts['database'],
  roomNid: number,
  eventIds: readonly string[],
): Promise<Map<number, number>> {
  const told = new Map<number, number>();
  const missing: string[] = [];
  for (const some of piecesOf(eventIds, PLACES_AT_ONCE)) {
    const places = await findEventPlaces(database, some);
    for (const id of some) {
      const place = places.get(id);
      if (place === undefined || place.status === 'missing' || place.roomNid !== roomNid) missing.push(id);
      else if (place.keyNid !== undefined && place.status !== 'rejected_by_auth')
        told.set(place.keyNid, place.eventNid);
    }
  }
  if (missing.length > 0) throw new MissingEventsError(missing);
  return told;
}

/** As a change of a state of the room: mostly they agree, and share the nodes of what they agree on. */
export function buildToldState(
  { database, tries }: ViewParts,
  base: { readonly roomNid: number; readonly root: StateRoot; readonly entries: readonly Entry[] },
  told: ReadonlyMap<number, number>,
): Promise<NewState> {
  const changes = new Map<number, number | undefined>(told);
  for (const [keyNid, eventNid] of base.entries) {
    if (!told.has(keyNid)) changes.set(keyNid, undefined);
    else if (told.get(keyNid) === eventNid) changes.delete(keyNid);
  }
  return tries.update(database, base.roomNid, base.root, changes);
}
