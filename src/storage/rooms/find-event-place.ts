/** Owns reading where an event stands: its room, its order there, its thread. */
import { statement, type ReadTx } from '#storage/database.ts';

export type EventPlace = {
  readonly roomNid: number;
  readonly roomOrder: number;
  /** Event id of the root of the thread that the event is in; null in the main timeline. */
  readonly threadRoot: string | null;
};

// Specification: Client-Server API, "Threaded read receipts": three steps up, each by the unique index on event ids.
const selectPlace = statement<EventPlace>(
  'select_event_place',
  `with recursive up as (
     select room_nid, relates_to, rel_type, 0 as hops from events where event_id = $1
     union all
     select e.room_nid, e.relates_to, e.rel_type, up.hops + 1 from up join events e on e.event_id = up.relates_to
     where up.rel_type is distinct from 'm.thread' and e.room_nid = up.room_nid and up.hops < 3
   )
   select e.room_nid as "roomNid", e.room_order as "roomOrder",
     (select relates_to from up where rel_type = 'm.thread') as "threadRoot"
   from events e where e.event_id = $1 and e.status = 2 and e.room_order is not null`,
);

/** Undefined for an event that is not part of any room here. The id must hold no NUL. */
export async function findEventPlace(db: ReadTx, eventId: string): Promise<EventPlace | undefined> {
  return (await db.query(selectPlace, [eventId]))[0];
}
