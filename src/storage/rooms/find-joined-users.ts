/** Owns reading the users of this server who are joined to a room. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectJoinedUsers = statement<{ user_id: string }>(
  'select_joined_users',
  `select user_id from user_rooms join users using (user_nid)
   where room_nid = $1 and membership = 2 order by user_nid limit $2`,
);
const selectJoinedAmong = statement<{ user_id: string }>(
  'select_joined_among',
  `select user_id from users join user_rooms using (user_nid)
   where user_id = any($1::text[]) and room_nid = $2 and membership = 2`,
);

// Along the room's members, of whom most are no guests; asked only when a room closes itself to them.
const selectJoinedGuests = statement<{ userId: string; userNid: number }>(
  'select_joined_guests',
  `select u.user_id as "userId", m.user_nid as "userNid"
   from user_rooms m join accounts a on a.user_nid = m.user_nid join users u on u.user_nid = m.user_nid
   where m.room_nid = $1 and m.membership = 2 and m.user_nid > $2 and a.is_guest
   order by m.user_nid limit $3`,
);

const selectJoinedNids = statement<{ user_nid: number }>(
  'select_joined_user_nids',
  'select user_nid from user_rooms where room_nid = $1 and membership = 2',
);

/** The numbers of all joined users. */
export async function findJoinedNids(db: ReadTx, roomNid: number): Promise<number[]> {
  return (await db.query(selectJoinedNids, [roomNid])).map((row) => row.user_nid);
}

/** Up to `limit` joined users, those longest known first. */
export async function findJoinedUsers(db: ReadTx, roomNid: number, limit: number): Promise<string[]> {
  return (await db.query(selectJoinedUsers, [roomNid, limit])).map((row) => row.user_id);
}

/** Which of the users are joined. */
export async function findJoinedAmong(db: ReadTx, roomNid: number, userIds: readonly string[]): Promise<string[]> {
  return (await db.query(selectJoinedAmong, [userIds, roomNid])).map((row) => row.user_id);
}

/** Joined guests after `afterNid`, by number. */
export function findJoinedGuests(
  db: ReadTx,
  roomNid: number,
  page: { readonly afterNid: number; readonly limit: number },
): Promise<{ readonly userId: string; readonly userNid: number }[]> {
  return db.query(selectJoinedGuests, [roomNid, page.afterNid, page.limit]);
}
