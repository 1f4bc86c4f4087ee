/** Owns removing what the streams hold of a room. */
import { removableRows, type RemovableRows } from '#storage/removable-rows.ts';

/** By account_data_room_nid_index, receipts_room_pos_index, completed_rooms_room_nid_index and typing_pkey. */
export const deletedRoomRows: readonly RemovableRows[] = [
  removableRows(
    'account_data',
    `delete from account_data where ctid = any(array(
       select ctid from account_data where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'receipts',
    `delete from receipts where ctid = any(array(
       select ctid from receipts where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'completed_rooms',
    `delete from completed_rooms where ctid = any(array(
       select ctid from completed_rooms where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'typing',
    `delete from typing where ctid = any(array(
       select ctid from typing where room_nid = $1 limit $2
     )) returning 1`,
  ),
];
