/** Owns reading which rooms two users of this server share. */
import { statement, type ReadTx } from '#storage/database.ts';

// Both sides go along the primary key of `user_rooms`.
const selectMutual = statement<{ room_nid: number; room_id: string }>(
  'select_mutual_rooms',
  `select a.room_nid, r.room_id
   from user_rooms a join user_rooms b on b.user_nid = $2 and b.room_nid = a.room_nid and b.membership = 2
   join rooms r on r.room_nid = a.room_nid
   where a.user_nid = $1 and a.room_nid > $3 and a.membership = 2 order by a.room_nid limit $4`,
);
const countMutual = statement<{ count: number }>(
  'count_mutual_rooms',
  `select count(*)::int as count
   from user_rooms a join user_rooms b on b.user_nid = $2 and b.room_nid = a.room_nid and b.membership = 2
   where a.user_nid = $1 and a.membership = 2`,
);

export type MutualRoom = { readonly roomNid: number; readonly roomId: string };

/** Rooms after `afterNid` that both have joined, by number. */
export async function findMutualRooms(
  db: ReadTx,
  users: readonly [number, number],
  page: { readonly afterNid: number; readonly limit: number },
): Promise<MutualRoom[]> {
  const rows = await db.query(selectMutual, [...users, page.afterNid, page.limit]);
  return rows.map((row) => ({ roomNid: row.room_nid, roomId: row.room_id }));
}

export async function countMutualRooms(db: ReadTx, users: readonly [number, number]): Promise<number> {
  return (await db.query(countMutual, users))[0]?.count ?? 0;
}
