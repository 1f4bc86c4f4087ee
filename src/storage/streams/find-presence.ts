/** Owns reading who is there. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StoredPresence = {
  readonly userNid: number;
  readonly presence: 'online' | 'unavailable' | 'offline';
  readonly statusMsg: string | null;
  readonly lastActiveAt: number;
  readonly connectedUntil: number;
};

export const presenceColumns = `user_nid as "userNid", presence, status_msg as "statusMsg",
  last_active_at as "lastActiveAt", connected_until as "connectedUntil"`;

const selectOne = statement<StoredPresence>(
  'find_presence',
  `select ${presenceColumns} from presence where user_nid = $1`,
);

export async function findPresence(db: ReadTx, userNid: number): Promise<StoredPresence | undefined> {
  return (await db.query(selectOne, [userNid]))[0];
}

/** With the profile, which goes with every change that others are told of. */
export type PresenceOfUser = StoredPresence & {
  readonly userId: string;
  readonly displayname: string | null;
  readonly avatarUrl: string | null;
};

const userColumns = `user_id as "userId", displayname, avatar_url as "avatarUrl", ${presenceColumns}`;

const selectOfUsers = statement<PresenceOfUser>(
  'find_presence_of_users',
  `select ${userColumns} from presence join users using (user_nid) left join profiles using (user_nid)
   where user_nid = any($1::bigint[])`,
);

export async function findPresenceOf(db: ReadTx, userNids: readonly number[]): Promise<PresenceOfUser[]> {
  return userNids.length === 0 ? [] : db.query(selectOfUsers, [userNids]);
}

/** In larger rooms nobody is told who is there: each change would wake everybody. */
export const PRESENCE_MEMBERS_MAX = 500;

/**
 * Whether the user `u` is joined to one of the rooms of a parameter, of those that are small enough, or may be, as their
 * server is in it and not all of its members are known.
 */
const isInOneOf = (parameter: string): string => `(exists (
     select from user_rooms m join room_summary s on s.room_nid = m.room_nid
     where m.user_nid = u.user_nid and m.membership = 2 and m.room_nid = any(${parameter}::bigint[])
       and s.joined_count <= ${PRESENCE_MEMBERS_MAX})
   or exists (
     select from remote_members m join room_summary s on s.room_nid = m.room_nid
     where m.user_id = u.user_id and m.room_nid = any(${parameter}::bigint[])
       and s.joined_count <= ${PRESENCE_MEMBERS_MAX})
   or exists (
     select from partial_rooms p join room_servers s on s.room_nid = p.room_nid
       and s.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)
     where p.room_nid = any(${parameter}::bigint[])))`;

// Looks through those who are there, with a look into the index of each one's rooms.
const selectPresent = statement<PresenceOfUser>(
  'find_present_users',
  `select ${userColumns}
   from presence p join users u using (user_nid) left join profiles using (user_nid)
   where p.presence <> 'offline' and p.user_nid <> $1 and ${isInOneOf('$2')} limit $3`,
);

/** Who of the members of these rooms is there, besides one user; as many as `limit`. */
export async function findPresentIn(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
  limit: number,
): Promise<PresenceOfUser[]> {
  return roomNids.length === 0 ? [] : db.query(selectPresent, [userNid, roomNids, limit]);
}

const selectPresenceAmong = statement<PresenceOfUser>(
  'find_presence_of_users_in_rooms',
  `select ${userColumns}
   from presence p join users u using (user_nid) left join profiles using (user_nid)
   where u.user_id = any($1::text[]) and ${isInOneOf('$2')}`,
);

/** What is known of those of these users who are in one of these rooms. */
export async function findPresenceAmong(
  db: ReadTx,
  userIds: readonly string[],
  roomNids: readonly number[],
): Promise<PresenceOfUser[]> {
  return userIds.length === 0 ? [] : db.query(selectPresenceAmong, [userIds, roomNids]);
}

const selectChanged = statement<{ user_nid: number }>(
  'find_changed_presence',
  `select user_nid from presence p join users u using (user_nid)
   where pos > $2 and user_nid <> $1 and ${isInOneOf('$3')} order by pos limit $4`,
);

/** Whose presence changed after a position, of the members of these rooms besides one user; as many as `limit`. */
export async function findChangedPresence(
  db: ReadTx,
  userNid: number,
  after: number,
  roomNids: readonly number[],
  limit: number,
): Promise<number[]> {
  return (await db.query(selectChanged, [userNid, after, roomNids, limit])).map((row) => row.user_nid);
}
