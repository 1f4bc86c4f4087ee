/** Owns reading what sync needs of state events and rooms besides their text. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StateEventRow = {
  readonly event_nid: number;
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
};

// As `membershipCodes` has them.
const [leave, ban] = [3, 4];

const stateEvents = statement<StateEventRow>(
  'find_state_event_keys',
  `select e.event_nid, e.type, k.state_key, u.user_id as sender from events e
   join state_keys k on k.key_nid = e.key_nid join users u on u.user_nid = e.sender_nid
   where e.event_nid = any($1::bigint[])`,
);

/** Types, state keys and senders of state events, without their text. */
export async function findStateEventKeys(db: ReadTx, eventNids: readonly number[]): Promise<StateEventRow[]> {
  return eventNids.length === 0 ? [] : db.query(stateEvents, [eventNids]);
}

const memberKeys = statement<{ key_nid: number; state_key: string }>(
  'find_member_key_nids',
  `select key_nid, state_key from state_keys where type = 'm.room.member' and state_key = any($1::text[])`,
);

/** By user id: the key under which a room's state has the user's membership. */
export async function findMemberKeyNids(db: ReadTx, userIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  const rows = userIds.length === 0 ? [] : await db.query(memberKeys, [userIds]);
  return new Map(rows.map((row) => [row.state_key, row.key_nid]));
}

export type RoomSummary = {
  readonly isNamed: boolean;
  readonly joinedCount: number;
  readonly invitedCount: number;
  /** Members in the order in which they came, one more than are shown, for one may be the reader. Empty in a named room. */
  readonly heroes: readonly string[];
  /** Those who are no longer there, for when nobody else is. */
  readonly formerHeroes: readonly string[];
};

/** The names of six users whose membership of room `s` is among these. */
function heroesOf(memberships: string): string {
  return `array(
     select u.user_id from user_rooms m join users u on u.user_nid = m.user_nid
     where m.room_nid = s.room_nid and m.membership in (${memberships}) order by m.since_pos limit 6
   )`;
}

// A room that has a name is called by it, so that only rooms without one pay for the search, which are small as a rule.
const summaries = statement<{
  room_nid: number;
  joined_count: number;
  invited_count: number;
  heroes: string[] | null;
  former_heroes: string[] | null;
  is_named: boolean;
}>(
  'find_room_summaries',
  `select s.room_nid, s.joined_count, s.invited_count, n.is_named,
     case when not n.is_named then array(
       select u.user_id from unnest(s.hero_nids[1:6]) with ordinality as h(user_nid, at) join users u using (user_nid)
       order by h.at
     ) end as heroes,
     case when not n.is_named and s.joined_count + s.invited_count <= 1 then ${heroesOf(`${leave}, ${ban}`)} end
       as former_heroes
   from room_summary s, lateral (
     select coalesce(s.name, '') <> '' or coalesce(s.canonical_alias, '') <> '' as is_named
   ) n where s.room_nid = any($1::bigint[])`,
);

export async function findRoomSummaries(
  db: ReadTx,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, RoomSummary>> {
  const rows = roomNids.length === 0 ? [] : await db.query(summaries, [roomNids]);
  return new Map(
    rows.map((row) => [
      row.room_nid,
      {
        isNamed: row.is_named,
        joinedCount: row.joined_count,
        invitedCount: row.invited_count,
        heroes: row.heroes ?? [],
        formerHeroes: row.former_heroes ?? [],
      },
    ]),
  );
}

const changedKeys = statement<{ room_nid: number; changed_keys: number[] }>(
  'find_keys_changed_by_completion',
  'select room_nid, changed_keys from completed_rooms where user_nid = $1 and room_nid = any($2::bigint[])',
);

/** By room: the entries of the state of which the user was told otherwise before all of the room's members had come. */
export async function findChangedKeys(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, readonly number[]>> {
  const rows = roomNids.length === 0 ? [] : await db.query(changedKeys, [userNid, roomNids]);
  return new Map(rows.map((row) => [row.room_nid, row.changed_keys]));
}
