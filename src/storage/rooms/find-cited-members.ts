/** Owns reading which members the events of a room cite. */
import { statement, type ReadTx } from '#storage/database.ts';

// By primary key.
const selectTexts = statement<{ event_nid: number; json: string }>(
  'select_event_texts',
  'select event_nid, json from event_json where event_nid = any($1::bigint[])',
);

/** The stored texts of events, by their nids. */
export async function findEventTexts(db: ReadTx, nids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = nids.length === 0 ? [] : await db.query(selectTexts, [nids]);
  return new Map(rows.map((row) => [row.event_nid, row.json]));
}

// By the key on the id. Those that their own auth events forbid permit nothing.
const selectMembers = statement<{ eventId: string; eventNid: number; userId: string }>(
  'select_members_by_event_ids',
  `select e.event_id as "eventId", e.event_nid as "eventNid", k.state_key as "userId"
   from events e join state_keys k on k.key_nid = e.key_nid
   where e.event_id = any($1::text[]) and e.room_nid = $2 and e.type = 'm.room.member' and e.status between 1 and 4`,
);

/** Those of the events that are memberships of the room. */
export function findMembersByEventIds(
  db: ReadTx,
  roomNid: number,
  eventIds: readonly string[],
): Promise<{ readonly eventId: string; readonly eventNid: number; readonly userId: string }[]> {
  return eventIds.length === 0 ? Promise.resolve([]) : db.query(selectMembers, [eventIds, roomNid]);
}
