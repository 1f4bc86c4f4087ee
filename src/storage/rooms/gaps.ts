/** Owns the places in a room's history where events are missing: what history is fetched from other servers for. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

// By primary key; what is here by now is no gap.
const insertGaps = statement<never>(
  'insert_gaps',
  `insert into gaps (room_nid, before_order, missing_nid)
   select $1, $2, event_nid from events where event_nid = any($3::bigint[]) and status < 2
   on conflict (room_nid, before_order, missing_nid) do nothing`,
);
// The room's gaps are few: one for each time that this server was away.
const deleteGaps = statement<never>(
  'delete_gaps_of_events',
  'delete from gaps where room_nid = $1 and missing_nid = any($2::bigint[])',
);
const selectGaps = statement<{ before_order: number; event_id: string }>(
  'select_gaps',
  `select g.before_order, e.event_id from gaps g join events e on e.event_nid = g.missing_nid
   where g.room_nid = $1 and g.before_order > $2 and g.before_order <= $3
     and ($4::bigint is null or g.retry_at is null or g.retry_at <= $4)
   order by g.before_order desc, g.missing_nid limit $5`,
);
const postponeGaps = statement<never>(
  'postpone_gaps',
  `update gaps set attempts = attempts + 1,
     retry_at = $3 + least($5, $4 * power(2, least(attempts, 20)))::bigint
   where room_nid = $1 and before_order = any($2::bigint[])`,
);

/** Notes those of an event's predecessors that are not here, in the transaction that gives the event its order. */
export async function persistGaps(
  tx: Tx,
  roomNid: number,
  beforeOrder: number,
  prevNids: readonly number[],
): Promise<void> {
  await tx.query(insertGaps, [roomNid, beforeOrder, prevNids]);
}

const updateEntered = statement<never>(
  'update_room_entered_order',
  'update rooms set entered_order = $2 where room_nid = $1',
);

/** The order of the join by which the server has come into the room, perhaps once more. */
export async function writeEntry(tx: Tx, roomNid: number, roomOrder: number): Promise<void> {
  await tx.query(updateEntered, [roomNid, roomOrder]);
}

/** These events have come, whatever was thought of them. */
export async function deleteGapsOf(tx: Tx, roomNid: number, eventNids: readonly number[]): Promise<void> {
  await tx.query(deleteGaps, [roomNid, eventNids]);
}

/** An event that is missing below an order. */
export type Gap = { readonly beforeOrder: number; readonly eventId: string };

export type GapRange = {
  /** Gaps below orders greater than this. */
  readonly after: number;
  readonly upTo: number;
  /** Leaves out those that are to be tried again later than this time; undefined: none. */
  readonly dueAt: number | undefined;
};

const GAPS_MAX = 20;

/** The uppermost gaps of the range, up to twenty. */
export async function findGaps(db: ReadTx, roomNid: number, { after, upTo, dueAt }: GapRange): Promise<Gap[]> {
  const rows = await db.query(selectGaps, [roomNid, after, upTo, dueAt ?? null, GAPS_MAX]);
  return rows.map((row) => ({ beforeOrder: row.before_order, eventId: row.event_id }));
}

// The room's gaps are few, and everything else is found by its key. Whatever is behind a missing event is less deep by two than
// what follows that one.
const selectHiding = statement<{ before_order: number; event_id: string }>(
  'select_gaps_before_entry',
  `select g.before_order, m.event_id from rooms r
   join gaps g on g.room_nid = r.room_nid and g.before_order <= r.entered_order
   join events f on f.room_nid = r.room_nid and f.room_order = g.before_order
   join events m on m.event_nid = g.missing_nid
   where r.room_nid = $1 and f.depth - 1 > $2 and not exists (
     select from events p where p.event_id = any($3::text[]) and p.room_nid = r.room_nid and p.room_order >= r.entered_order
   )
   order by g.before_order desc, g.missing_nid limit $4`,
);

/**
 * Of what came before the server entered the room, the gaps behind which an event of this depth may be, uppermost first. None for
 * one that follows what is newer.
 */
export async function findGapsBeforeEntry(
  db: ReadTx,
  roomNid: number,
  { depth, prevIds }: { readonly depth: number; readonly prevIds: readonly string[] },
): Promise<Gap[]> {
  const rows = await db.query(selectHiding, [roomNid, depth, prevIds, GAPS_MAX]);
  return rows.map((row) => ({ beforeOrder: row.before_order, eventId: row.event_id }));
}

/** After a failed attempt: the next one waits, twice as long each time. */
export async function postponeGapsBelow(
  tx: Tx,
  roomNid: number,
  orders: readonly number[],
  { now, leastMs, mostMs }: { readonly now: number; readonly leastMs: number; readonly mostMs: number },
): Promise<void> {
  await tx.query(postponeGaps, [roomNid, orders, now, leastMs, mostMs]);
}

export type GapPlace = {
  readonly beforeOrder: number;
  readonly missingIds: readonly string[];
  /** Depth of the event below which others are missing. */
  readonly followerDepth: number;
  /** The greatest order below it; null if nothing is. */
  readonly orderBelow: number | null;
};

// Each by the unique index on (room_nid, room_order).
const selectPlaces = statement<GapPlace>(
  'select_gap_places',
  `select g.before_order as "beforeOrder", g.ids as "missingIds", f.depth as "followerDepth",
     (select max(e.room_order) from events e where e.room_nid = $1 and e.room_order < g.before_order) as "orderBelow"
   from (
     select before_order, array_agg(m.event_id) as ids from gaps join events m on m.event_nid = missing_nid
     where gaps.room_nid = $1 group by before_order order by before_order limit $2
   ) g
   join events f on f.room_nid = $1 and f.room_order = g.before_order
   order by g.before_order`,
);
const PLACES_MAX = 100;

/** The room's gaps from the oldest upwards, one for each event that follows missing ones. */
export function findGapPlaces(db: ReadTx, roomNid: number): Promise<GapPlace[]> {
  return db.query(selectPlaces, [roomNid, PLACES_MAX]);
}
