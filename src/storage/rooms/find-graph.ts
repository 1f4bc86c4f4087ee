/** Owns the reads of the event graph: places of events, what state resolution sees of them, who cites whom. */
import { statement, type ReadTx } from '#storage/database.ts';
import { statusOfCode, type EventStatus } from '#storage/rooms/event-status.ts';

/** Where an event stands. */
export type EventPlaceRow = {
  readonly eventNid: number;
  readonly eventId: string;
  readonly roomNid: number;
  readonly status: EventStatus;
  /** Root of the state before it; undefined while it is not known. */
  readonly stateBefore: number | undefined;
  /** Whether that state lacks members that have not been fetched yet. */
  readonly statePartial: boolean;
  /** Its entry of the state; undefined for an event that is not state. */
  readonly keyNid: number | undefined;
};

type PlaceRow = {
  event_nid: number;
  event_id: string;
  room_nid: number;
  status: number;
  state_before: number | null;
  state_partial: boolean;
  key_nid: number | null;
};

const placeColumns = 'event_nid, event_id, room_nid, status, state_before, state_partial, key_nid';
const selectPlaces = statement<PlaceRow>(
  'select_event_places',
  `select ${placeColumns} from events where event_id = any($1::text[])`,
);
const selectPlacesByNids = statement<PlaceRow>(
  'select_event_places_by_nids',
  `select ${placeColumns} from events where event_nid = any($1::bigint[])`,
);

/** The places of the events that have ever been mentioned, by event id. */
export async function findEventPlaces(
  db: ReadTx,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, EventPlaceRow>> {
  if (eventIds.length === 0) return new Map();
  const rows = await db.query(selectPlaces, [eventIds]);
  return new Map(rows.map((row) => [row.event_id, placeOf(row)]));
}

// The redactions go by their key; the row is none for an event that was never heard of.
const selectArrival = statement<Partial<PlaceRow> & { is_redacted: boolean }>(
  'select_arrival',
  `select e.event_nid, e.event_id, e.room_nid, e.status, e.state_before, e.state_partial, e.key_nid,
     exists (select from redactions where target_event_id = $1 and valid is null) as is_redacted
   from (select $1::text as id) a left join events e on e.event_id = a.id`,
);

/** What is known of an event that comes: its place if it was mentioned, and whether a redaction waits for it. */
export async function findArrival(
  db: ReadTx,
  eventId: string,
): Promise<{ readonly place: EventPlaceRow | undefined; readonly isRedacted: boolean }> {
  const [row] = await db.query(selectArrival, [eventId]);
  return { place: isPlaceRow(row) ? placeOf(row) : undefined, isRedacted: row?.is_redacted === true };
}

function isPlaceRow(row: Partial<PlaceRow> | undefined): row is PlaceRow {
  return typeof row?.event_nid === 'number';
}

export async function findEventPlacesByNids(db: ReadTx, nids: readonly number[]): Promise<EventPlaceRow[]> {
  return nids.length === 0 ? [] : (await db.query(selectPlacesByNids, [nids])).map(placeOf);
}

function placeOf(row: PlaceRow): EventPlaceRow {
  return {
    eventNid: row.event_nid,
    eventId: row.event_id,
    roomNid: row.room_nid,
    status: statusOfCode(row.status),
    stateBefore: row.state_before ?? undefined,
    statePartial: row.state_partial,
    keyNid: row.key_nid ?? undefined,
  };
}

/** A state event with what it cites. */
export type CitingRow = {
  readonly event_nid: number;
  readonly event_id: string;
  readonly status: number;
  readonly auth_gen: number | null;
  readonly json: string;
};

// By primary key; the text is needed, since state resolution asks the auth rules. What came out of band has no auth_gen:
// nobody has judged it.
const citingColumns = 'e.event_nid, e.event_id, e.status, e.auth_gen, j.json';
const selectCiting = statement<CitingRow>(
  'select_events_for_resolution',
  `select ${citingColumns} from events e join event_json j using (event_nid)
   where e.event_id = any($1::text[]) and e.room_nid = $2 and e.status between 1 and 5
     and e.auth_gen is not null`,
);
const selectCitingByNids = statement<CitingRow>(
  'select_events_for_resolution_by_nids',
  `select ${citingColumns} from events e join event_json j using (event_nid)
   where e.event_nid = any($1::bigint[]) and e.room_nid = $2 and e.status between 1 and 5
     and e.auth_gen is not null`,
);

/** What state resolution may look at: events of the room. Those that their own auth events do not permit are its caller's to leave out. */
export function findEventsForResolution(
  db: ReadTx,
  roomNid: number,
  eventIds: readonly string[],
): Promise<CitingRow[]> {
  return db.query(selectCiting, [eventIds, roomNid]);
}

export function findEventsForResolutionByNids(
  db: ReadTx,
  roomNid: number,
  nids: readonly number[],
): Promise<CitingRow[]> {
  return nids.length === 0 ? Promise.resolve([]) : db.query(selectCitingByNids, [nids, roomNid]);
}

export type CitationRow = { readonly auth_nid: number; readonly event_nid: number; readonly key_nid: number | null };

// By the index on auth_nid, as many of each as the limit.
const selectCitations = statement<CitationRow>(
  'select_citations',
  `select c.auth_nid, c.event_nid, e.key_nid
   from unnest($1::bigint[]) as cited(nid)
   cross join lateral (select auth_nid, event_nid from event_auth where auth_nid = cited.nid limit $2) c
   join events e on e.event_nid = c.event_nid`,
);

/** State events that cite these among their auth events, up to `limit` for each. */
export function findCitations(db: ReadTx, nids: readonly number[], limit: number): Promise<CitationRow[]> {
  return nids.length === 0 ? Promise.resolve([]) : db.query(selectCitations, [nids, limit]);
}

// By the index on prev_nid.
const selectFollower = statement<{ room_order: number | null }>(
  'select_first_follower',
  `select min(e.room_order) as room_order from event_edges g join events e using (event_nid)
   where g.prev_nid = $1 and e.status = 2`,
);
// By the unique index on (room_nid, room_order).
const selectOrdersBelow = statement<{ room_order: number }>(
  'select_orders_below',
  `select room_order from events where room_nid = $1 and room_order < $2 order by room_order desc limit $3`,
);

/** The order of the oldest accepted event that follows this one; undefined if none does. */
export async function findFollowerOrder(db: ReadTx, eventNid: number): Promise<number | undefined> {
  const [row] = await db.query(selectFollower, [eventNid]);
  return row?.room_order ?? undefined;
}

// By the unique index on (room_nid, room_order).
const selectLowestOrder = statement<{ room_order: number | null }>(
  'select_lowest_order',
  'select min(room_order) as room_order from events where room_nid = $1',
);

/** Where the oldest event stands that has a place in the room; undefined if none has. */
export async function findLowestOrder(db: ReadTx, roomNid: number): Promise<number | undefined> {
  const [row] = await db.query(selectLowestOrder, [roomNid]);
  return row?.room_order ?? undefined;
}

const ordersAtOnce = 1_000;

/** The greatest order below this one that no event of the room has. */
export async function findFreeOrder(db: ReadTx, roomNid: number, below: number): Promise<number> {
  for (let order = below - 1; ;) {
    const rows = await db.query(selectOrdersBelow, [roomNid, order + 1, ordersAtOnce]);
    for (const row of rows) {
      if (row.room_order !== order) return order;
      order--;
    }
    if (rows.length < ordersAtOnce) return order;
  }
}

export type EarlyRedactionRow = {
  readonly redaction_nid: number;
  readonly room_nid: number;
  /** Root of the state before the redaction. */
  readonly state_before: number | null;
  readonly sender: string;
};

// By the key of redactions; more of one event than this are not looked at.
const selectEarlyRedactions = statement<EarlyRedactionRow>(
  'select_early_redactions',
  `select d.redaction_nid, e.room_nid, e.state_before, u.user_id as sender
   from redactions d join events e on e.event_nid = d.redaction_nid join users u on u.user_nid = e.sender_nid
   where d.target_event_id = $1 and d.valid is null order by d.redaction_nid limit 100`,
);

/** The redactions of an event that nobody could judge yet. */
export function findEarlyRedactions(db: ReadTx, eventId: string): Promise<EarlyRedactionRow[]> {
  return db.query(selectEarlyRedactions, [eventId]);
}

const selectPrevs = statement<{ prev_nid: number; status: number }>(
  'select_event_predecessors',
  `select distinct g.prev_nid, e.status from event_edges g join events e on e.event_nid = g.prev_nid
   where g.event_nid = any($1::bigint[])`,
);

/** The events that these follow, with their statuses. */
export async function findPredecessors(
  db: ReadTx,
  nids: readonly number[],
): Promise<{ readonly eventNid: number; readonly status: EventStatus }[]> {
  const rows = await db.query(selectPrevs, [nids]);
  return rows.map((row) => ({ eventNid: row.prev_nid, status: statusOfCode(row.status) }));
}

const selectKeys = statement<{ key_nid: number; type: string; state_key: string }>(
  'select_state_keys_by_nids',
  'select key_nid, type, state_key from state_keys where key_nid = any($1::bigint[])',
);

/** Type and state key of these entries. */
export async function findKeysByNids(
  db: ReadTx,
  keyNids: readonly number[],
): Promise<ReadonlyMap<number, readonly [type: string, stateKey: string]>> {
  if (keyNids.length === 0) return new Map();
  const rows = await db.query(selectKeys, [keyNids]);
  return new Map(rows.map((row) => [row.key_nid, [row.type, row.state_key]]));
}

const selectOrders = statement<{ event_id: string; room_order: number }>(
  'select_orders_of_events',
  `select event_id, room_order from events where event_id = any($1::text[]) and status = 2 and room_order is not null`,
);

/** Where those of the events stand that have a place in their rooms. */
export async function findOrders(db: ReadTx, eventIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (eventIds.length === 0) return new Map();
  return new Map((await db.query(selectOrders, [eventIds])).map((row) => [row.event_id, row.room_order]));
}
