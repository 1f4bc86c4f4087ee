/** Owns fetching the state before an event that stands at the far side of a gap. */
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { fetchEach, fetchState, fetchStateIds, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';

/** Up to so many events are asked for one by one; for more the server is asked for the whole state. */
export const SINGLY_MAX = 100;

/**
 * The ids of the state before the event, all of which are here then. Undefined where the server does not tell it, or tells of
 * events that cannot be had: with a part of the state the room would be another one than elsewhere.
 */
export async function fetchStateBefore(
  parts: GapParts,
  asked: Asked,
  eventId: string,
): Promise<readonly string[] | undefined> {
  const told = await fetchStateIds(parts, asked, eventId);
  if (told === undefined) return undefined;
  const lacking = await findLacking(parts, asked, [...told.stateIds, ...told.authIds]);
  if (lacking.size > 0) {
    const events = await fetchLacking(parts, asked, eventId, lacking);
    const { roomId, version } = asked.room;
    await persistOutliers(parts, { roomId, version, events });
  }
  return (await findLacking(parts, asked, told.stateIds)).size === 0 ? told.stateIds : undefined;
}

async function fetchLacking(
  parts: GapParts,
  asked: Asked,
  eventId: string,
  lacking: ReadonlySet<string>,
): Promise<ValidatedPdu[]> {
  if (lacking.size <= SINGLY_MAX) return fetchEach(parts, asked, [...lacking]);
  return (await fetchState(parts, asked, eventId)).filter((event) => lacking.has(event.eventId));
}

/** Events of other rooms count as lacking: nothing can make them part of this one. */
export async function findLacking(
  { database }: GapParts,
  { room }: Asked,
  eventIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const wanted = new Set(eventIds);
  for (const [id, { status, roomNid }] of await findEventPlaces(database, [...wanted])) {
    if (status !== 'missing' && roomNid === room.roomNid) wanted.delete(id);
  }
  return wanted;
}
