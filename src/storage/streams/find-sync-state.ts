/** Owns reading what sync needs of state events and rooms besides their text. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StateEventRow = {
  readonly event_nid: number;
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
};

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

export type SummaryRow = {
  readonly room_nid: number;
  readonly joined_count: number;
  readonly invited_count: number;
  /** In the order in which they came to the room; may hold the reader too. */
  readonly heroes: readonly string[];
};

const summaries = statement<SummaryRow>(
  'find_room_summaries',
  `select s.room_nid, s.joined_count, s.invited_count, array(
     select u.user_id from unnest(s.hero_nids) with ordinality as h(user_nid, ord)
     join users u on u.user_nid = h.user_nid order by h.ord
   ) as heroes
   from room_summary s where s.room_nid = any($1::bigint[])`,
);

export async function findRoomSummaries(
  db: ReadTx,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, SummaryRow>> {
  const rows = roomNids.length === 0 ? [] : await db.query(summaries, [roomNids]);
  return new Map(rows.map((row) => [row.room_nid, row]));
}
