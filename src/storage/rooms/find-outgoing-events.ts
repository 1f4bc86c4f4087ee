/** Owns reading the events that go to other servers. */
import { statement, type ReadTx } from '#storage/database.ts';

// One statement, so that both are of the same moment. Two rows by key, and one for each server.
const selectServers = statement<{
  room_nid: number;
  root: number;
  server_names: readonly string[];
  joined: readonly number[];
}>(
  'select_servers_of_rooms',
  `select r.room_nid, coalesce((
     select h.state_root from room_heads h where h.room_nid = r.room_nid order by h.room_seq desc limit 1
   ), 0) as root, coalesce(s.server_names, '{}') as server_names, coalesce(s.joined, '{}') as joined
   from unnest($1::bigint[]) as r(room_nid)
   cross join lateral (
     select array_agg(s.server_name order by s.server_name) as server_names, array_agg(s.joined + coalesce(s.server_name = any(p.servers), false)::integer order by s.server_name) as joined
     from room_servers s left join partial_rooms p using (room_nid) where s.room_nid = r.room_nid
   ) s`,
);

/** A room as it is now. */
export type RoomServersNow = {
  /** Of the room's state; 0 for a room that is not here any more. */
  readonly root: number;
  /** By server name how many of its users are joined; one more where it is one of those that are said to be in a room which lacks members. */
  readonly joined: ReadonlyMap<string, number>;
};

export async function findServersOfRooms(
  db: ReadTx,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, RoomServersNow>> {
  const rows = await db.query(selectServers, [roomNids]);
  return new Map(
    rows.map(({ room_nid: roomNid, root, server_names: names, joined }) => [
      roomNid,
      { root, joined: new Map(names.map((name, index) => [name, joined[index] ?? 0])) },
    ]),
  );
}

/** What decides where an event goes. */
export type StreamedEvent = {
  readonly pos: number;
  readonly eventNid: number;
  readonly roomNid: number;
  readonly roomOrder: number;
  readonly sender: string;
  readonly type: string;
  readonly stateKey: string | undefined;
  /** Root of the state before the event; 0 where it is not known. */
  readonly stateBefore: number;
};

const selectStreamed = statement<Omit<StreamedEvent, 'stateKey'> & { readonly stateKey: string | null }>(
  'select_streamed_events',
  `select e.pos, e.event_nid as "eventNid", e.room_nid as "roomNid", e.room_order as "roomOrder", u.user_id as sender,
     e.type, k.state_key as "stateKey", coalesce(e.state_before, 0) as "stateBefore"
   from events e join users u on u.user_nid = e.sender_nid left join state_keys k on k.key_nid = e.key_nid
   where e.pos > $1 order by e.pos limit $2`,
);

/** The next events of the stream after a position. */
export async function findStreamedEvents(db: ReadTx, after: number, limit: number): Promise<StreamedEvent[]> {
  const rows = await db.query(selectStreamed, [after, limit]);
  return rows.map((row) => ({ ...row, stateKey: row.stateKey ?? undefined }));
}

export type EventText = {
  readonly event_nid: number;
  readonly json: string;
  /** Whether there is a row that says where the event goes. */
  readonly is_told: boolean;
  /** Servers to which it goes besides; null, where that is told, for an event that somebody else sends. */
  readonly server_names: readonly string[] | null;
};

const selectTexts = statement<EventText>(
  'select_outgoing_texts',
  `select j.event_nid, j.json, d.event_nid is not null as is_told, d.server_names
   from events e join event_json j using (event_nid) left join event_destinations d using (event_nid)
   where e.event_nid = any($1::bigint[]) and e.status = 2`,
);

/** Of those of the events that are part of their rooms. */
export async function findEventTexts(
  db: ReadTx,
  eventNids: readonly number[],
): Promise<ReadonlyMap<number, EventText>> {
  return new Map((await db.query(selectTexts, [eventNids])).map((row) => [row.event_nid, row]));
}

// What this server sends of a room ($1), from an order on ($2), to others than $3: what its own users sent and nobody else
// sends for it, and what was handed to it.
const ownCondition = `e.room_nid = $1 and e.room_order >= $2 and e.pos is not null and e.status = 2
  and case when d.event_nid is not null then d.server_names is not null else exists (
    select from local_servers l where l.server_name = substr(u.user_id, strpos(u.user_id, ':') + 1)
  ) end
  and substr(u.user_id, strpos(u.user_id, ':') + 1) <> $3`;
const ownTables = `events e join users u on u.user_nid = e.sender_nid left join event_destinations d using (event_nid)`;
// Who is in the room now is sent all of it.
const isFor = `coalesce($3 = any(d.server_names), false) or exists (
    select from room_servers s where s.room_nid = $1 and s.server_name = $3
  )`;

const selectMissed = statement<MissedEvent>(
  'select_missed_events',
  `select e.room_order as "roomOrder", coalesce(e.state_before, 0) as "stateBefore", ${isFor} as "isForServer", j.json
   from ${ownTables} join event_json j using (event_nid)
   where ${ownCondition} order by e.room_order limit $4`,
);
const countOwn = statement<{ count: number; newest: number }>(
  'count_missed_events',
  `select count(*)::int as count, coalesce(max(room_order), 0) as newest from (
     select e.room_order from ${ownTables} where ${ownCondition} order by e.room_order desc limit $4
   ) own`,
);
const selectNewest = statement<{ room_order: number }>(
  'select_newest_missed_event',
  `select e.room_order from ${ownTables} where ${ownCondition} and (${isFor}) order by e.room_order desc limit 1`,
);

export type MissedEvents = { readonly roomNid: number; readonly fromOrder: number; readonly serverName: string };

export type MissedEvent = {
  readonly roomOrder: number;
  /** Root of the state before the event; 0 where it is not known. */
  readonly stateBefore: number;
  /** The server is in the room now, or the event names it; of others only the state tells whether the event is for it. */
  readonly isForServer: boolean;
  readonly json: string;
};

/** The first events of a room from an order on that this server sends to others. */
export function findMissedEvents(
  db: ReadTx,
  { roomNid, fromOrder, serverName }: MissedEvents,
  limit: number,
): Promise<MissedEvent[]> {
  return db.query(selectMissed, [roomNid, fromOrder, serverName, limit]);
}

/**
 * If this server has sent more than so many to others, the order of the newest event that is for the server, or just after
 * all where none is; else undefined.
 */
export async function findNewestOfMany(
  db: ReadTx,
  { roomNid, fromOrder, serverName }: MissedEvents,
  countMax: number,
): Promise<number | undefined> {
  const [own] = await db.query(countOwn, [roomNid, fromOrder, serverName, countMax + 1]);
  if (own === undefined || own.count <= countMax) return undefined;
  const [newest] = await db.query(selectNewest, [roomNid, fromOrder, serverName]);
  return newest?.room_order ?? own.newest + 1;
}
