/** Owns reading what of rooms a user has not read. Nothing is kept per member: counts are differences of running ones. */
import { statement, type ReadTx } from '#storage/database.ts';

/** Where a user stands in a room at a position of the stream. Orders are `room_order`; the lowest number is nowhere. */
export type ReadPlace = {
  readonly roomNid: number;
  /** Of the newest event. */
  readonly lastOrder: number;
  /** Read in every thread: by a receipt without one, or from before the user joined. */
  readonly everywhere: number;
  /** Read outside threads: also by a receipt for that, or by an event of the user's own. */
  readonly main: number;
  /** Events after `main` that notify under the rules that everybody has, those in threads among them. */
  readonly count: number;
};

const nowhere = Number.MIN_SAFE_INTEGER;

// By keys: the newest event (events_room_order_key), the user's receipts (receipts_pkey), the newest event of their own
// (events_sender_index), when they joined (membership_log_pkey, once), and the counter where they have read to.
// `pos + 0`: no index by position is to be read for what nearly every event meets.
const selectPlaces = statement<{
  room_nid: number;
  last_order: number;
  everywhere: number;
  main: number;
  count: number;
}>(
  'select_read_places',
  `with joins as materialized (
     select distinct on (l.room_nid) l.room_nid, l.pos from membership_log l
     where l.user_nid = $1 and l.was <> 2 and l.membership = 2 and l.room_nid = any($2::bigint[])
     order by l.room_nid, l.pos desc
   )
   select p.room_nid, p.last_order, p.everywhere, p.main, p.seq - coalesce(before.notify_seq, 0) as count
   from (
     select r.room_nid, last.room_order as last_order, last.notify_seq as seq,
       coalesce(greatest(receipt.everywhere, joined.room_order), ${nowhere}) as everywhere,
       coalesce(greatest(receipt.everywhere, joined.room_order, receipt.main, own.room_order), ${nowhere}) as main
     from unnest($2::bigint[]) as r(room_nid)
     cross join lateral (
       select e.room_order, e.notify_seq from events e
       where e.room_nid = r.room_nid and e.pos + 0 <= $3 and e.room_order is not null order by e.room_order desc limit 1
     ) last
     left join lateral (
       select max(c.room_order) filter (where c.thread_id = '') as everywhere,
         max(c.room_order) filter (where c.thread_id = 'main') as main
       from receipts c
       where c.room_nid = r.room_nid and c.user_nid = $1 and c.receipt_type in ('m.read', 'm.read.private')
     ) receipt on true
     left join lateral (
       select e.room_order from events e
       where e.room_nid = r.room_nid and e.sender_nid = $1 and e.key_nid is null and e.room_order is not null
         and e.pos + 0 <= $3 and e.rel_type is distinct from 'm.thread' and e.thread_root_nid is null
       order by e.room_order desc limit 1
     ) own on true
     left join joins j on j.room_nid = r.room_nid
     left join events joined on joined.pos = j.pos
   ) p
   left join lateral (
     select e.notify_seq from events e
     where e.room_nid = p.room_nid and e.room_order <= p.main and e.notify_seq is not null
     order by e.room_order desc limit 1
   ) before on true`,
);

/** Where the user stands in each of the rooms, up to a position of the stream. */
export async function findReadPlaces(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
  upTo: number,
): Promise<ReadPlace[]> {
  if (roomNids.length === 0) return [];
  const rows = await db.query(selectPlaces, [userNid, roomNids, upTo]);
  return rows.map(({ room_nid: roomNid, last_order: lastOrder, everywhere, main, count }) => ({
    roomNid,
    lastOrder,
    everywhere,
    main,
    count,
  }));
}

/** Something after the place up to which a user has read. */
export type UnreadRow = {
  readonly room_nid: number;
  /** An event in a thread, a highlight of the user or of the room, or up to where a thread is read. */
  readonly kind: 'thread' | 'highlight' | 'receipt';
  /** The root's event id; null outside threads. */
  readonly thread: string | null;
  readonly room_order: number;
  readonly step: number;
  readonly is_own: boolean;
};

/** Of each kind in each room; what is older is not told by threads, and is counted with the room. */
const ROWS_OF_ROOM_MAX = 5_000;

// By events_threads_index and, for what relates to an event in a thread, events_below_threads_index;
// notifications_room_index (twice: of the user, of everybody) and receipts_pkey.
const selectRows = statement<UnreadRow>(
  'select_unread_rows',
  `select w.room_nid, x.kind, x.thread, x.room_order, x.step, x.is_own
   from unnest($2::bigint[], $3::bigint[], $4::bigint[]) as w(room_nid, after, up_to)
   cross join lateral (
     (select 'thread' as kind, e.relates_to as thread, e.room_order, e.notify_step as step, e.sender_nid = $1 as is_own
      from events e
      where e.room_nid = w.room_nid and e.rel_type = 'm.thread' and e.room_order > w.after and e.room_order <= w.up_to
        and e.status = 2
      order by e.room_order desc limit ${ROWS_OF_ROOM_MAX})
     union all
     (select 'thread', root.event_id, e.room_order, e.notify_step, e.sender_nid = $1
      from events e join events root on root.event_nid = e.thread_root_nid
      where e.room_nid = w.room_nid and e.thread_root_nid is not null and e.rel_type <> 'm.thread'
        and e.room_order > w.after and e.room_order <= w.up_to and e.status = 2
      order by e.room_order desc limit ${ROWS_OF_ROOM_MAX})
     union all
     (select distinct on (n.pos) 'highlight', root.event_id, n.room_order, n.step, e.sender_nid = $1
      from notifications n
      join events e on e.event_nid = n.event_nid
      left join events root on root.event_nid = n.thread_root_nid
      where n.user_nid in ($1, 0) and n.room_nid = w.room_nid and n.room_order > w.after and n.room_order <= w.up_to
        and not exists (select from redactions d where d.target_event_id = e.event_id and d.valid)
      order by n.pos desc limit ${ROWS_OF_ROOM_MAX})
     union all
     (select 'receipt', c.thread_id, max(c.room_order), 0, false from receipts c
      where c.room_nid = w.room_nid and c.user_nid = $1 and c.receipt_type in ('m.read', 'm.read.private')
        and c.thread_id <> '' and c.thread_id <> 'main' and c.room_order > w.after
      group by c.thread_id limit ${ROWS_OF_ROOM_MAX})
   ) x`,
);

/** What the counters of a room do not tell: threads and highlights. */
export async function findUnreadRows(db: ReadTx, userNid: number, places: readonly ReadPlace[]): Promise<UnreadRow[]> {
  if (places.length === 0) return [];
  return db.query(selectRows, [
    userNid,
    places.map((place) => place.roomNid),
    places.map((place) => Math.min(place.everywhere, place.main)),
    places.map((place) => place.lastOrder),
  ]);
}

/** The id of the root of the thread that event `e` is in, directly or as a relation of what is; null outside threads. */
export const threadOfEvent = `case when e.rel_type = 'm.thread' then e.relates_to else (
     select root.event_id from events root where root.event_nid = e.thread_root_nid
   ) end`;

export type UnreadEventRow = { readonly event_nid: number; readonly thread: string | null };

const selectUnreadEvents = statement<UnreadEventRow>(
  'select_unread_events',
  `select e.event_nid, ${threadOfEvent} as thread
   from unnest($2::bigint[], $3::bigint[], $4::bigint[]) as w(room_nid, after, up_to)
   cross join lateral (
     select v.event_nid, v.rel_type, v.relates_to, v.thread_root_nid from events v
     where v.room_nid = w.room_nid and v.room_order > w.after and v.room_order <= w.up_to and v.status = 2
       and v.sender_nid <> $1
     order by v.room_order desc limit $5
   ) e`,
);

/** Of each room the newest events that others sent since the user has read, for those whose rules are not everybody's. */
export async function findUnreadEvents(
  db: ReadTx,
  userNid: number,
  places: readonly ReadPlace[],
  limit: number,
): Promise<UnreadEventRow[]> {
  if (places.length === 0) return [];
  return db.query(selectUnreadEvents, [
    userNid,
    places.map((place) => place.roomNid),
    places.map((place) => Math.min(place.everywhere, place.main)),
    places.map((place) => place.lastOrder),
    limit,
  ]);
}
