/** Owns writing which rooms the directory of this server lists. */
import { statement, type Tx } from '#storage/database.ts';

const insert = statement<unknown>(
  'publish_room',
  `insert into published_rooms (room_nid, published_at) values ($1, $2) on conflict (room_nid) do nothing`,
);
const remove = statement<{ room_nid: number }>(
  'unpublish_room',
  `delete from published_rooms where room_nid = $1 returning room_nid`,
);
const move = statement<unknown>(
  'move_published_room',
  `with gone as (delete from published_rooms where room_nid = $1 returning published_at)
   insert into published_rooms (room_nid, published_at) select $2, published_at from gone on conflict (room_nid) do nothing`,
);

export async function writePublished(tx: Tx, roomNid: number, now: number): Promise<void> {
  await tx.query(insert, [roomNid, now]);
}

/** Whether the room was listed until now. */
export async function removePublished(tx: Tx, roomNid: number): Promise<boolean> {
  return (await tx.query(remove, [roomNid])).length > 0;
}

/** If one room is listed, another is listed in its place. */
export async function movePublished(tx: Tx, fromNid: number, toNid: number): Promise<void> {
  await tx.query(move, [fromNid, toNid]);
}
