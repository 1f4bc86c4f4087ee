/** Owns reading the rooms of a user in pages, for work that goes through all of them. */
import { statement, type ReadTx } from '#storage/database.ts';

export type MemberRoom = { readonly roomNid: number; readonly roomId: string };

// Along the primary key; what is skipped are rooms that the user has left.
const selectPage = statement<MemberRoom>(
  'select_user_rooms_page',
  `select m.room_nid as "roomNid", r.room_id as "roomId"
   from user_rooms m join rooms r on r.room_nid = m.room_nid
   where m.user_nid = $1 and m.room_nid > $2 and m.membership = any($3::smallint[])
   order by m.room_nid limit $4`,
);

/** Rooms after `afterNid` in which the user has one of the memberships (`membershipCodes`), by number. */
export function findRoomsOfUser(
  db: ReadTx,
  userNid: number,
  memberships: readonly number[],
  page: { readonly afterNid: number; readonly limit: number },
): Promise<MemberRoom[]> {
  return db.query(selectPage, [userNid, page.afterNid, memberships, page.limit]);
}
