/** Owns removing what is kept of a room for other servers. */
import { statement, type ReadTx } from '#storage/database.ts';
import { removableRows } from '#storage/removable-rows.ts';

export const destinationRoomRows = removableRows(
  'destination_rooms',
  `delete from destination_rooms where ctid = any(array(
     select ctid from destination_rooms where room_nid = $1 limit $2
   )) returning 1`,
);

const deleteEventDestinations = statement<unknown>(
  'delete_event_destinations',
  'delete from event_destinations where event_nid = any($1::bigint[])',
);

/** Removes the servers that these events name beside the members'. */
export async function deleteDestinationsOf(db: ReadTx, eventNids: readonly number[]): Promise<void> {
  await db.query(deleteEventDestinations, [eventNids]);
}
