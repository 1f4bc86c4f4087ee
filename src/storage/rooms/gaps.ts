/** Owns the places in a room's history where events are missing: what history is fetched from other servers for. */
import { statement, type ReadTx } from '#storage/database.ts';

// The event's own edges, by primary key.
const insertGaps = statement<never>(
  'insert_gaps',
  `insert into gaps (room_nid, before_order, missing_nid)
   select e.room_nid, e.room_order, g.prev_nid
   from events e join event_edges g using (event_nid) join events p on p.event_nid = g.prev_nid
   where e.event_id = any($1::text[]) and e.room_order is not null and p.status < 2
   on conflict (room_nid, before_order, missing_nid) do nothing`,
);

/**
 * Notes what these events follow that is not part of the room here, once they are. Events that were not accepted have no place,
 * and no gap before it.
 */
export async function persistGapsBefore(db: ReadTx, eventIds: readonly string[]): Promise<void> {
  await db.query(insertGaps, [eventIds]);
}
