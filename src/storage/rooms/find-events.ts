/** Owns reading events with their text, as they are shown to clients. */
import { statement, type ReadTx } from '#storage/database.ts';

/** An event as it is stored, of a timeline or of a state. */
export type StoredEvent = {
  readonly eventNid: number;
  readonly roomNid: number;
  readonly eventId: string;
  readonly type: string;
  /** `state_keys.key_nid`; undefined, as `stateKey`, for an event that is not state. */
  readonly keyNid: number | undefined;
  readonly stateKey: string | undefined;
  readonly sender: string;
  readonly originServerTs: number;
  /** Where people find it when they page; 0 for one that is no event of the timeline. */
  readonly roomOrder: number;
  /** Undefined for an event that was not new when it came. */
  readonly pos: number | undefined;
  /** Root of the state before the event; undefined while it is not known. */
  readonly stateBefore: number | undefined;
  /** At the event: 0 world_readable, 1 shared, 2 invited, 3 joined. */
  readonly historyVisibility: number;
  /** The canonical text, never redacted in the database before its retention ends. */
  readonly json: string;
  readonly txnDeviceNid: number | undefined;
  readonly txnId: string | undefined;
  /** The redaction that took effect on the event. */
  readonly redaction: StoredRedaction | undefined;
};

export type StoredRedaction = {
  readonly eventId: string;
  readonly json: string;
  /** Whether another redaction took effect on this one; what it does stays done. */
  readonly isRedacted: boolean;
};

export type StoredEventRow = {
  event_nid: number;
  room_nid: number;
  event_id: string;
  type: string;
  key_nid: number | null;
  state_key: string | null;
  sender: string;
  origin_server_ts: number;
  room_order: number | null;
  pos: number | null;
  state_before: number | null;
  history_visibility: number;
  json: string;
  txn_device_nid: number | null;
  txn_id: string | null;
};

/** What a `StoredEventRow` is made of, with the table of events under the name `e`. */
// Accepted events alone: what the auth rules refused, and what is known by name only, is not for clients.
export const storedEventColumns = `
  e.event_nid, e.room_nid, e.event_id, e.type, e.key_nid, k.state_key, u.user_id as sender, e.origin_server_ts,
  e.room_order, e.pos, e.state_before, e.history_visibility, j.json, e.txn_device_nid, e.txn_id`;
export const storedEventJoins = `
  join event_json j using (event_nid)
  join users u on u.user_nid = e.sender_nid
  left join state_keys k on k.key_nid = e.key_nid`;

// By nids come entries of states too: those may be outliers, or such that a resolution chose, which no timeline has.
const selectByNids = statement<StoredEventRow>(
  'select_stored_events',
  `select ${storedEventColumns} from events e ${storedEventJoins}
   where e.event_nid = any($1::bigint[]) and e.status between 1 and 4`,
);
const selectByNidsOfType = statement<StoredEventRow>(
  'select_stored_events_of_type',
  `select ${storedEventColumns} from events e ${storedEventJoins}
   where e.event_nid = any($1::bigint[]) and e.type = $2 and e.status between 1 and 4`,
);
const selectById = statement<StoredEventRow>(
  'select_stored_event_by_id',
  `select ${storedEventColumns} from events e ${storedEventJoins} where e.event_id = $1 and e.status = 2`,
);
// The events are chosen first, so that the joins are paid for those of the page only.
const selectOlder = statement<StoredEventRow>(
  'select_room_timeline_older',
  `select ${storedEventColumns} from (
     select * from events
     where room_nid = $1 and room_order < $2 and room_order >= $3 and status = 2
     order by room_order desc limit $4
   ) e ${storedEventJoins} order by e.room_order desc`,
);
const selectNewer = statement<StoredEventRow>(
  'select_room_timeline_newer',
  `select ${storedEventColumns} from (
     select * from events
     where room_nid = $1 and room_order >= $2 and room_order < $3 and status = 2
     order by room_order limit $4
   ) e ${storedEventJoins} order by e.room_order`,
);
const selectAfterTime = statement<StoredEventRow>(
  'select_events_after_time',
  `select ${storedEventColumns} from (
     select * from events where room_nid = $1 and room_order is not null and status = 2
       and (origin_server_ts, room_order) >= ($2, $3)
     order by origin_server_ts, room_order limit $4
   ) e ${storedEventJoins} order by e.origin_server_ts, e.room_order`,
);
const selectBeforeTime = statement<StoredEventRow>(
  'select_events_before_time',
  `select ${storedEventColumns} from (
     select * from events where room_nid = $1 and room_order is not null and status = 2
       and (origin_server_ts, room_order) <= ($2, $3)
     order by origin_server_ts desc, room_order desc limit $4
   ) e ${storedEventJoins} order by e.origin_server_ts desc, e.room_order desc`,
);
// Apart from the events: joined to them it costs five times what a page without redactions does.
const selectRedactions = statement<{
  target: string;
  room_nid: number;
  event_id: string;
  json: string;
  is_redacted: boolean;
}>(
  'select_valid_redactions',
  `select d.target_event_id as target, d.room_nid, e.event_id, j.json,
     (select true from redactions o
      where o.target_event_id = e.event_id and o.room_nid = d.room_nid and o.valid limit 1) is not null as is_redacted
   from redactions d
   join events e on e.event_nid = d.redaction_nid
   join event_json j on j.event_nid = d.redaction_nid
   where d.target_event_id = any($1::text[]) and d.valid order by d.redaction_nid`,
);
// `pos + 0`: read by room_order; the index by position would give the events of all rooms.
const selectOrderAt = statement<{ room_order: number }>(
  'select_room_order_at',
  `select room_order from events where room_nid = $1 and pos + 0 <= $2 and room_order is not null
   order by room_order desc limit 1`,
);
const selectStateBefore = statement<{ state_before: number | null }>(
  'select_state_before_order',
  `select state_before from events where room_nid = $1 and room_order >= $2 and status = 2
   order by room_order limit 1`,
);

/** The accepted events among these, in no particular order. */
export async function findEventsByNids(db: ReadTx, nids: readonly number[]): Promise<StoredEvent[]> {
  return nids.length === 0 ? [] : readStoredEvents(db, await db.query(selectByNids, [nids]));
}

/** As `findEventsByNids`, of one type alone. */
export async function findEventsOfType(db: ReadTx, nids: readonly number[], type: string): Promise<StoredEvent[]> {
  return nids.length === 0 ? [] : readStoredEvents(db, await db.query(selectByNidsOfType, [nids, type]));
}

export async function findEventById(db: ReadTx, eventId: string): Promise<StoredEvent | undefined> {
  return (await readStoredEvents(db, await db.query(selectById, [eventId])))[0];
}

/** A stretch of a room's history between two positions; a position lies just before the event of its order. */
export type TimelineRange = {
  /** No event of an order below this. */
  readonly from?: number;
  /** No event of this order or above. */
  readonly before?: number;
  /** `b`: from the end of the range, newest first. `f`: from its start, oldest first. */
  readonly direction: 'b' | 'f';
  readonly limit: number;
};

export async function findRoomTimeline(db: ReadTx, roomNid: number, range: TimelineRange): Promise<StoredEvent[]> {
  const from = range.from ?? Number.MIN_SAFE_INTEGER;
  const before = range.before ?? Number.MAX_SAFE_INTEGER;
  const rows =
    range.direction === 'b'
      ? await db.query(selectOlder, [roomNid, before, from, range.limit])
      : await db.query(selectNewer, [roomNid, from, before, range.limit]);
  return readStoredEvents(db, rows);
}

/** A place among a room's events by time; among those of one time, by order. */
export type TimePlace = { readonly ts: number; readonly order: number };

/** The events from a place on, nearest first, by `events_room_time_index`. */
export async function findEventsByTime(
  db: ReadTx,
  roomNid: number,
  direction: 'b' | 'f',
  { ts, order }: TimePlace,
  limit: number,
): Promise<StoredEvent[]> {
  const asked = direction === 'f' ? selectAfterTime : selectBeforeTime;
  return readStoredEvents(db, await db.query(asked, [roomNid, ts, order, limit]));
}

/** The order of the newest event that was there at a position of the stream. */
export async function findOrderAt(db: ReadTx, roomNid: number, pos: number): Promise<number | undefined> {
  return (await db.query(selectOrderAt, [roomNid, pos]))[0]?.room_order;
}

/** The state before the first event of this order or above; undefined if there is none, or its state is not known. */
export async function findStateRootBefore(db: ReadTx, roomNid: number, order: number): Promise<number | undefined> {
  return (await db.query(selectStateBefore, [roomNid, order]))[0]?.state_before ?? undefined;
}

export async function readStoredEvents(db: ReadTx, rows: readonly StoredEventRow[]): Promise<StoredEvent[]> {
  if (rows.length === 0) return [];
  const redactions = new Map<string, StoredRedaction>();
  const roomNids = new Map(rows.map((row) => [row.event_id, row.room_nid]));
  for (const one of await db.query(selectRedactions, [[...roomNids.keys()]])) {
    // An event can be redacted from its own room alone, and the first redaction is the one that is shown.
    if (roomNids.get(one.target) !== one.room_nid || redactions.has(one.target)) continue;
    redactions.set(one.target, { eventId: one.event_id, json: one.json, isRedacted: one.is_redacted });
  }
  return rows.map((row) => readRow(row, redactions.get(row.event_id)));
}

function readRow(row: StoredEventRow, redaction: StoredRedaction | undefined): StoredEvent {
  return {
    eventNid: row.event_nid,
    roomNid: row.room_nid,
    eventId: row.event_id,
    type: row.type,
    keyNid: row.key_nid ?? undefined,
    stateKey: row.state_key ?? undefined,
    sender: row.sender,
    originServerTs: row.origin_server_ts,
    roomOrder: row.room_order ?? 0,
    pos: row.pos ?? undefined,
    stateBefore: row.state_before ?? undefined,
    historyVisibility: row.history_visibility,
    json: row.json,
    txnDeviceNid: row.txn_device_nid ?? undefined,
    txnId: row.txn_id ?? undefined,
    redaction,
  };
}
