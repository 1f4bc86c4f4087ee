/** Owns removing what is kept of a room for other servers. */
import { removableRows } from '#storage/removable-rows.ts';

export const destinationRoomRows = removableRows(
  'destination_rooms',
  `delete from destination_rooms where ctid = any(array(
     select ctid from destination_rooms where room_nid = $1 limit $2
   )) returning 1`,
);
