/** Owns removing highlights that nobody reads any more, since the user has so many newer ones in the room. */
import { statement, type ReadTx } from '#storage/database.ts';

/** Where a walk over users and rooms has come to. */
export type TrimPlace = { readonly userNid: number; readonly roomNid: number };

type TrimmedRow = { user_nid: number; room_nid: number; removed: number };

// A walk along notifications_room_index from one room and user to the next, without reading what lies between. Of each
// it reads as many entries as are kept, and of what lies beyond it removes as many as the limit.
const trim = statement<TrimmedRow>(
  'trim_notifications',
  `with recursive place(user_nid, room_nid, nth) as (
     (select user_nid, room_nid, 1 from notifications where (room_nid, user_nid) > ($2, $1)
      order by room_nid, user_nid limit 1)
     union all
     select next.user_nid, next.room_nid, p.nth + 1 from place p cross join lateral (
       select n.user_nid, n.room_nid from notifications n where (n.room_nid, n.user_nid) > (p.room_nid, p.user_nid)
       order by n.room_nid, n.user_nid limit 1
     ) next where p.nth < $3
   ),
   surplus as (
     select n.user_nid, n.room_nid, n.pos from place p cross join lateral (
       select user_nid, room_nid, pos from notifications
       where user_nid = p.user_nid and room_nid = p.room_nid order by room_order desc offset $4 limit $5
     ) n
   ),
   removed as (
     delete from notifications n using surplus s where n.user_nid = s.user_nid and n.pos = s.pos
     returning n.user_nid, n.room_nid
   )
   select p.user_nid, p.room_nid, (
     select count(*)::int from removed r where r.user_nid = p.user_nid and r.room_nid = p.room_nid
   ) as removed
   from place p order by p.nth`,
);

export type TrimLimits = {
  /** Users and rooms that one step looks at. */
  readonly placesMax: number;
  /** Rows that stay of each user in each room, the newest. */
  readonly keptMax: number;
  /** Rows that one step removes of one user in one room. */
  readonly removedMax: number;
};

/** Looks at the users and rooms after a place. Gives how many rows went, and the place to go on from, if there is more to do. */
export async function trimNotifications(
  db: ReadTx,
  after: TrimPlace,
  { placesMax, keptMax, removedMax }: TrimLimits,
): Promise<{ readonly removed: number; readonly next: TrimPlace | undefined }> {
  const rows = await db.query(trim, [after.userNid, after.roomNid, placesMax, keptMax, removedMax]);
  const removed = rows.reduce((sum, row) => sum + row.removed, 0);
  if (rows.some((row) => row.removed >= removedMax)) return { removed, next: after };
  const last = rows.at(-1);
  if (last === undefined || rows.length < placesMax) return { removed, next: undefined };
  return { removed, next: { userNid: last.user_nid, roomNid: last.room_nid } };
}
