/** Owns the statements by which is kept who of other servers is in which room, and what of it is asked meanwhile. */
import { statement } from '#storage/database.ts';

// As `membershipCodes` has it.
const joined = 2;

/** `$1` user ids, `$2` room nids. Who is there stays as they are. */
export const insertRemoteMembers = statement<unknown>(
  'insert_remote_members',
  `insert into remote_members (user_id, room_nid, since)
   select user_id, room_nid, nextval('sharing_stamps') from unnest($1::text[], $2::bigint[]) as m(user_id, room_nid)
   on conflict (user_id, room_nid) do nothing`,
);

/** `$1` user ids, `$2` room nids. */
export const deleteRemoteMembers = statement<unknown>(
  'delete_remote_members',
  `delete from remote_members m using unnest($1::text[], $2::bigint[]) as gone(user_id, room_nid)
   where m.user_id = gone.user_id and m.room_nid = gone.room_nid`,
);

/**
 * Rooms (`$1`) in which users of this server arrive are shared with others from now on, unless some were there already.
 * Its caller holds the rooms' locks, and has not written the arrivals yet.
 */
export const restampRemoteMembers = statement<unknown>(
  'restamp_remote_members',
  `update remote_members m set since = nextval('sharing_stamps')
   where m.room_nid = any($1::bigint[])
     and not exists (select from user_rooms u where u.room_nid = m.room_nid and u.membership = ${joined})`,
);

/** Of the room `$1` all but these (`$2` user ids). */
export const deleteOtherRemoteMembers = statement<unknown>(
  'delete_other_remote_members',
  `delete from remote_members m where m.room_nid = $1
     and not exists (select from unnest($2::text[]) as k(user_id) where k.user_id = m.user_id)`,
);

/** Which of the rooms (`$1`) have members of other servers: a look at an index for each. */
export const selectSharedRooms = statement<{ room_nid: number }>(
  'select_rooms_with_remote_members',
  `select room_nid from unnest($1::bigint[]) as r(room_nid)
   where exists (select from remote_members m where m.room_nid = r.room_nid)`,
);
