/** Owns removing a room: the row that says it is gone, the rows of its tables, and last the room itself. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import { removableRows, type RemovedRoom, type RemovableRows } from '#storage/removable-rows.ts';
import { lockRoom } from '#storage/rooms/load-view.ts';
import { headCauses } from '#storage/rooms/persist-columns.ts';

const selectRoom = statement<RemovedRoom>(
  'select_room_to_purge',
  `select room_nid as "roomNid", room_id as "roomId" from rooms where room_id = $1`,
);

/** The room, whether it is being removed already or not. */
export async function findRoomToPurge(db: ReadTx, roomId: string): Promise<RemovedRoom | undefined> {
  return (await db.query(selectRoom, [roomId]))[0];
}

// 1, 2 and 5 are invite, join and knock. By user_rooms_room_nid_index.
const selectPresent = statement<{ user_nid: number; user_id: string }>(
  'select_users_present',
  `select user_nid, user_id from user_rooms join users using (user_nid)
   where room_nid = $1 and membership in (1, 2, 5) and user_nid > $2 order by user_nid limit $3`,
);

/** Local users who are joined, invited or knocking, by number. */
export async function findUsersPresent(
  db: ReadTx,
  roomNid: number,
  page: { readonly afterNid: number; readonly limit: number },
): Promise<{ readonly userNid: number; readonly userId: string }[]> {
  const rows = await db.query(selectPresent, [roomNid, page.afterNid, page.limit]);
  return rows.map((row) => ({ userNid: row.user_nid, userId: row.user_id }));
}

const selectRemembering = statement<unknown>(
  'select_users_remembering',
  `select 1 from user_rooms
   where room_nid = $1 and (membership in (1, 2, 5) or membership in (3, 4) and forgotten_pos is null) limit 1`,
);

/**
 * Whether every user of this server who ever had to do with the room has left and forgotten it. Takes the room's lock, so
 * that of two who forget it at once the second one sees the first.
 */
export async function isForgottenByAll(tx: Tx, roomNid: number): Promise<boolean> {
  await tx.query(lockRoom, [roomNid]);
  return (await tx.query(selectRemembering, [roomNid])).length === 0;
}

// Its position is that of the head before it, so that every reader of a position finds an empty state from there on.
const insertLastHead = statement<unknown>(
  'insert_last_room_head',
  `insert into room_heads (
     room_nid, room_seq, pos, bump_pos, state_root, extremity_nids, depth, last_order, notify_seq, cause
   )
   select $1, coalesce(h.room_seq, 0) + 1, coalesce(h.pos, 0), coalesce(h.bump_pos, 0), 0, '{}', coalesce(h.depth, 0),
     coalesce(h.last_order, 0), coalesce(h.notify_seq, 0), ${headCauses.purged}
   from (values (1)) as one left join lateral (
     select * from room_heads where room_nid = $1 order by room_seq desc limit 1
   ) h on true
   where h.cause is distinct from ${headCauses.purged}`,
);
const shownRows: readonly RemovableRows[] = [
  removableRows(
    'published_rooms',
    `delete from published_rooms where room_nid in (select room_nid from published_rooms where room_nid = $1 limit $2)
     returning 1`,
  ),
  removableRows(
    'room_aliases',
    `delete from room_aliases where ctid = any(array(
       select ctid from room_aliases where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'room_summary',
    `delete from room_summary where room_nid in (select room_nid from room_summary where room_nid = $1 limit $2)
     returning 1`,
  ),
];

/**
 * Writes the head after which nobody reads or writes the room, unless it is there already or, with `ifEmpty`, a user of
 * this server is present; gives whether it is there. With it goes by what strangers find the room.
 */
export async function closeRoom(
  tx: Tx,
  room: RemovedRoom,
  { ifEmpty, limit }: { readonly ifEmpty: boolean; readonly limit: number },
): Promise<boolean> {
  await tx.query(lockRoom, [room.roomNid]);
  if (ifEmpty && (await findUsersPresent(tx, room.roomNid, { afterNid: 0, limit: 1 })).length > 0) return false;
  await tx.query(insertLastHead, [room.roomNid]);
  for (const { remove } of shownRows) await remove(tx, room, limit);
  return true;
}

const deleteStaged = statement<unknown>(
  'remove_room_inbound_staging',
  `delete from inbound_staging where ctid = any(array(
     select ctid from inbound_staging where room_id = $1 limit $2
   )) returning 1`,
);
const stagedRows: RemovableRows = {
  table: 'inbound_staging',
  remove: async (db, { roomId }, limit) => (await db.query(deleteStaged, [roomId, limit])).length,
};

/** What tells users of the room: it goes first, so that nobody is led to what is going. */
export const memberRows: readonly RemovableRows[] = [
  removableRows(
    'membership_log',
    `delete from membership_log where ctid = any(array(
       select ctid from membership_log where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'user_rooms',
    `delete from user_rooms where ctid = any(array(
       select ctid from user_rooms where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'room_servers',
    `delete from room_servers where ctid = any(array(
       select ctid from room_servers where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'remote_members',
    `delete from remote_members where ctid = any(array(
       select ctid from remote_members where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'stripped_snapshots',
    `delete from stripped_snapshots where ctid = any(array(
       select ctid from stripped_snapshots where room_nid = $1 limit $2
     )) returning 1`,
  ),
];

/** What hangs on the room beside its events. */
export const besideRows: readonly RemovableRows[] = [
  ...shownRows,
  stagedRows,
  removableRows(
    'search_index',
    `delete from search_index where ctid = any(array(
       select ctid from search_index where room_nid = $1 limit $2
     )) returning 1`,
  ),
  removableRows(
    'gaps',
    `delete from gaps where ctid = any(array(select ctid from gaps where room_nid = $1 limit $2)) returning 1`,
  ),
  removableRows(
    'partial_rooms',
    `delete from partial_rooms where room_nid in (select room_nid from partial_rooms where room_nid = $1 limit $2)
     returning 1`,
  ),
];

/** Heads before nodes, since a head leads to nodes. The last head stays until the room goes. */
export const stateRows: readonly RemovableRows[] = [
  removableRows(
    'room_heads',
    `delete from room_heads where ctid = any(array(
       select ctid from room_heads where room_nid = $1 and cause <> ${headCauses.purged} limit $2
     )) returning 1`,
  ),
  removableRows(
    'state_nodes',
    `delete from state_nodes where ctid = any(array(
       select ctid from state_nodes where room_nid = $1 limit $2
     )) returning 1`,
  ),
];

const deleteRoom = statement<unknown>('delete_room', 'delete from rooms where room_nid = $1');
const deleteHeads = statement<unknown>('delete_last_room_head', 'delete from room_heads where room_nid = $1');

/**
 * Takes the room's lock and deletes the room and its last head. The room goes first: whoever is about to write something
 * of it without its lock holds its row, and is waited for.
 */
export async function deletePurgedRoom(tx: Tx, roomNid: number): Promise<void> {
  await tx.query(lockRoom, [roomNid]);
  await tx.query(deleteRoom, [roomNid]);
  await tx.query(deleteHeads, [roomNid]);
}
