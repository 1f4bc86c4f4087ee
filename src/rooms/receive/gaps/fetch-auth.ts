/** Owns fetching what an event cites: its auth events and theirs, which come in as outliers. */
import { eventIdsOf } from '#matrix/pdu.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { persistOutliers } from '#rooms/persist-outliers.ts';
import { fetchEach, fetchEventAuth, type Asked } from '#rooms/receive/gaps/fetch-events.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';

/** How far citations are followed, one event at a time, where the server does not tell the chain. */
const ROUNDS_MAX = 10;
const EVENTS_MAX = 200;

/** Afterwards the auth events of the event are here, as far as the server tells them and they are permitted to be. */
export async function fetchAuth(parts: GapParts, asked: Asked, event: ValidatedPdu): Promise<void> {
  const { room } = asked;
  const pool = new Map((await fetchEventAuth(parts, asked, event.eventId)).map((own) => [own.eventId, own]));
  let left = EVENTS_MAX;
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const lacking = (await findLacking(parts, citedBy([event, ...pool.values()]), pool)).slice(0, left);
    if (lacking.length === 0) break;
    left -= lacking.length;
    const fetched = await fetchEach(parts, asked, lacking);
    if (fetched.length === 0) break;
    for (const own of fetched) pool.set(own.eventId, own);
  }
  pool.delete(event.eventId);
  if (pool.size === 0) return;
  await persistOutliers(parts, { roomId: room.roomId, version: room.version, events: [...pool.values()] });
}

function citedBy(events: readonly ValidatedPdu[]): string[] {
  return [...new Set(events.flatMap(({ pdu }) => eventIdsOf(pdu.auth_events)))];
}

/** Those that are known by name only, or not at all. */
async function findLacking(
  { database }: GapParts,
  eventIds: readonly string[],
  pool: ReadonlyMap<string, ValidatedPdu>,
): Promise<string[]> {
  const wanted = eventIds.filter((id) => !pool.has(id));
  const places = await findEventPlaces(database, wanted);
  return wanted.filter((id) => (places.get(id)?.status ?? 'missing') === 'missing');
}
