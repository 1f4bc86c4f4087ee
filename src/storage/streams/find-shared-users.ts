/** Owns reading who shares rooms with whom, for lists of devices and presence. */
import { piecesOf } from '#core/pieces.ts';
import { statement, type ReadTx } from '#storage/database.ts';

// As `membershipCodes` has it.
const joined = 2;

const encryptedRooms = statement<{ room_nid: number }>(
  'find_encrypted_rooms',
  'select room_nid from room_summary where room_nid = any($1::bigint[]) and encryption is not null',
);

/** Which of the rooms are encrypted. */
export async function findEncryptedRooms(db: ReadTx, roomNids: readonly number[]): Promise<number[]> {
  if (roomNids.length === 0) return [];
  return (await db.query(encryptedRooms, [roomNids])).map((row) => row.room_nid);
}

export type RoomMembershipChange = {
  readonly user_nid: number;
  readonly room_nid: number;
  readonly membership: number;
  readonly was: number;
};

// By the index on room and position.
const membershipChanges = statement<RoomMembershipChange>(
  'find_membership_changes_of_rooms',
  `select user_nid, room_nid, membership, was from membership_log
   where room_nid = any($1::bigint[]) and pos > $2 and pos <= $3 order by pos`,
);

/** How memberships of these rooms changed within positions (after, upTo]. */
export async function findMembershipChangesOf(
  db: ReadTx,
  roomNids: readonly number[],
  after: number,
  upTo: number,
): Promise<RoomMembershipChange[]> {
  return roomNids.length === 0 ? [] : db.query(membershipChanges, [roomNids, after, upTo]);
}

const joinedUsers = statement<{ user_nid: number }>(
  'find_joined_user_nids',
  `select distinct user_nid from user_rooms where room_nid = any($1::bigint[]) and membership = ${joined}`,
);

/** Who is joined to any of the rooms. */
export async function findJoinedUserNids(db: ReadTx, roomNids: readonly number[]): Promise<number[]> {
  if (roomNids.length === 0) return [];
  return (await db.query(joinedUsers, [roomNids])).map((row) => row.user_nid);
}

const sharingUsers = statement<{ user_nid: number }>(
  'find_users_sharing_rooms',
  `select distinct o.user_nid from user_rooms o
   where o.user_nid = any($2::bigint[]) and o.membership = ${joined} and o.room_nid in (
     select m.room_nid from user_rooms m join room_summary s on s.room_nid = m.room_nid
     where m.user_nid = $1 and m.membership = ${joined} and (s.encryption is not null or not $3))`,
);

/** Who of the others is joined to a room to which the user is joined too; with `encrypted`, to an encrypted one. */
export async function findUsersSharing(
  db: ReadTx,
  userNid: number,
  others: readonly number[],
  { encrypted }: { readonly encrypted: boolean },
): Promise<ReadonlySet<number>> {
  const rows = others.length === 0 ? [] : await db.query(sharingUsers, [userNid, others, encrypted]);
  return new Set(rows.map((row) => row.user_nid));
}

export type MemberEvent = { readonly user_id: string; readonly json: string };

const memberEvents = statement<MemberEvent>(
  'find_member_events',
  `select k.state_key as user_id, j.json from events e
   join state_keys k on k.key_nid = e.key_nid join event_json j on j.event_nid = e.event_nid
   where e.event_nid = any($1::bigint[]) and e.type = 'm.room.member'`,
);

/** Read at once: each brings its text. */
const EVENTS_AT_ONCE = 1_000;

/** The users whom state events join, once for each of the events, whether or not it has a place in the room's history. */
export async function findUsersJoinedBy(db: ReadTx, eventNids: readonly number[]): Promise<string[]> {
  const userIds: string[] = [];
  for (const some of piecesOf(eventNids, EVENTS_AT_ONCE)) {
    for (const { user_id: userId, json } of await db.query(memberEvents, [some])) {
      const { content }: { content: { membership?: unknown } } = JSON.parse(json);
      if (content.membership === 'join') userIds.push(userId);
    }
  }
  return userIds;
}

const remoteJoined = statement<{ user_id: string }>(
  'find_remote_members_of_rooms',
  'select distinct user_id from remote_members where room_nid = any($1::bigint[])',
);

/** Who of other servers is joined to any of the rooms. */
export async function findRemoteJoined(db: ReadTx, roomNids: readonly number[]): Promise<string[]> {
  if (roomNids.length === 0) return [];
  return (await db.query(remoteJoined, [roomNids])).map((row) => row.user_id);
}

const remoteSharing = statement<{ user_id: string }>(
  'find_remote_users_sharing_rooms',
  `select distinct o.user_id from remote_members o
   where o.user_id = any($2::text[]) and o.room_nid in (
     select m.room_nid from user_rooms m join room_summary s on s.room_nid = m.room_nid
     where m.user_nid = $1 and m.membership = ${joined} and s.encryption is not null)`,
);

/** Who of these users of other servers is joined to an encrypted room to which the user is joined too. */
export async function findRemoteSharing(
  db: ReadTx,
  userNid: number,
  others: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = others.length === 0 ? [] : await db.query(remoteSharing, [userNid, others]);
  return new Set(rows.map((row) => row.user_id));
}

const isReader = `m.membership = ${joined} and ($2::bigint is null or m.user_nid = $2)`;
// Rooms whose members are not all known are few, if there are any.
const remotePresent = statement<{ user_id: string }>(
  'find_remote_users_among_us',
  `select u.user_id from unnest($1::text[]) as u(user_id)
   where exists (
     select from remote_members o join user_rooms m on m.room_nid = o.room_nid where o.user_id = u.user_id and ${isReader})
   or exists (
     select from partial_rooms p join user_rooms m on m.room_nid = p.room_nid
     join room_servers s on s.room_nid = p.room_nid and s.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)
     where ${isReader})`,
);

/**
 * Who of these users of other servers shares a room with the user, or with any user of this server. In a room whose members
 * are not all known every user of a server in it may be one.
 */
export async function findRemoteAmongUs(
  db: ReadTx,
  userIds: readonly string[],
  userNid?: number,
): Promise<ReadonlySet<string>> {
  const rows = userIds.length === 0 ? [] : await db.query(remotePresent, [userIds, userNid ?? null]);
  return new Set(rows.map((row) => row.user_id));
}

const deviceListChanges = statement<{ user_nid: number }>(
  'find_shared_device_list_changes',
  `select c.user_nid from device_list_changes c
   where c.pos > $2 and c.pos <= $3 and (c.user_nid = $1 or exists (
     select from user_rooms o join user_rooms m on m.room_nid = o.room_nid
     where o.user_nid = c.user_nid and o.membership = ${joined} and m.user_nid = $1 and m.membership = ${joined}) or exists (
     select from users u join remote_members o on o.user_id = u.user_id join user_rooms m on m.room_nid = o.room_nid
     where u.user_nid = c.user_nid and m.user_nid = $1 and m.membership = ${joined}) or exists (
     select from partial_rooms p join user_rooms m on m.room_nid = p.room_nid
     join users u on u.user_nid = c.user_nid
     join room_servers s on s.room_nid = p.room_nid and s.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)
     where m.user_nid = $1 and m.membership = ${joined}))`,
);

/**
 * Whose devices changed within positions (after, upTo], of those who share a room with the user, or may do so as a room's
 * members are not all known, and of the user.
 */
export async function findDeviceListChanges(
  db: ReadTx,
  userNid: number,
  after: number,
  upTo: number,
): Promise<number[]> {
  return (await db.query(deviceListChanges, [userNid, after, upTo])).map((row) => row.user_nid);
}

const trustChanges = statement<{ target_nid: number }>(
  'find_trust_changes',
  'select target_nid from trust_changes where user_nid = $1 and pos > $2 and pos <= $3',
);

/** Whose keys the user has signed within positions (after, upTo]; one row is read for each user signed ever. */
export async function findTrustChanges(db: ReadTx, userNid: number, after: number, upTo: number): Promise<number[]> {
  return (await db.query(trustChanges, [userNid, after, upTo])).map((row) => row.target_nid);
}

const userIds = statement<{ user_nid: number; user_id: string }>(
  'find_user_ids',
  'select user_nid, user_id from users where user_nid = any($1::bigint[])',
);

/** By number the user id. */
export async function findUserIds(db: ReadTx, userNids: readonly number[]): Promise<ReadonlyMap<number, string>> {
  const rows = userNids.length === 0 ? [] : await db.query(userIds, [userNids]);
  return new Map(rows.map((row) => [row.user_nid, row.user_id]));
}
