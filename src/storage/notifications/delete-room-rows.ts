/** Owns removing the highlights of a room. */
import { removableRows } from '#storage/removable-rows.ts';

/** By notifications_room_index. */
export const deletedNotifications = removableRows(
  'notifications',
  `delete from notifications where ctid = any(array(
     select ctid from notifications where room_nid = $1 limit $2
   )) returning 1`,
);
