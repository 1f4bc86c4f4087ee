/** Owns reading the newest events of many rooms at once, and the states of rooms at positions. */
import { statement, type ReadTx } from '#storage/database.ts';

export type TimelineRow = {
  readonly event_nid: number;
  readonly room_nid: number;
  readonly pos: number;
  readonly room_order: number;
  readonly type: string;
  readonly key_nid: number | null;
  readonly state_key: string | null;
  readonly sender: string;
  readonly state_before: number;
  readonly history_visibility: number;
};

/** Events of a room with after < pos ≤ upTo. */
export type TimelineWindow = { readonly roomNid: number; readonly after: number; readonly upTo: number };

/** `null` is no condition. Types are patterns of LIKE. */
export type TimelineCondition = {
  readonly types: readonly string[] | null;
  readonly notTypes: readonly string[] | null;
  readonly senders: readonly string[] | null;
  readonly notSenders: readonly string[] | null;
  readonly containsUrl: boolean | null;
};

/** Besides, whose events that are no state are left out. */
type HeardCondition = TimelineCondition & { readonly ignored: readonly string[] };

// Position and order grow together among live events, so the newest by order are the newest by position. The head of a
// state change at or before the window bounds how far back a condition that little matches has to look. `pos + 0`: the
// condition is met by nearly every event of the server, and an index by position must not be read for it.
const timelines = statement<TimelineRow>(
  'find_timelines',
  `select e.event_nid, e.room_nid, e.pos, e.room_order, e.type, e.key_nid, k.state_key, u.user_id as sender,
     coalesce(e.state_before, 0) as state_before, e.history_visibility
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) as w(room_nid, after, up_to)
   cross join lateral (
     select * from events v
     where v.room_nid = w.room_nid and v.pos + 0 <= w.up_to and v.status = 2
       and v.room_order > coalesce((
         select h.last_order from room_heads h
         where h.room_nid = w.room_nid and h.pos <= w.after and h.cause <> 0 order by h.pos desc limit 1
       ), -9007199254740991)
       and ($5::text[] is null or v.type like any($5))
       and ($6::text[] is null or not v.type like any($6))
       and ($7::text[] is null or v.sender_nid in (select user_nid from users where user_id = any($7)))
       and ($8::text[] is null or v.sender_nid not in (select user_nid from users where user_id = any($8)))
       and ($9::boolean is null or $9 = (not exists (
         select from redactions d where d.target_event_id = v.event_id and d.room_nid = v.room_nid and d.valid
       ) and exists (
         select from event_json j where j.event_nid = v.event_nid and j.json::json -> 'content' -> 'url' is not null
       )))
       and ($10::text[] = '{}' or v.key_nid is not null
         or v.sender_nid not in (select user_nid from users where user_id = any($10)))
     order by v.room_order desc limit $4
   ) e
   join users u on u.user_nid = e.sender_nid
   left join state_keys k on k.key_nid = e.key_nid
   where e.pos > w.after order by e.room_nid, e.room_order`,
);

/** Of each window the newest `limit` events that meet the condition, oldest first within their room. */
export function findTimelines(
  db: ReadTx,
  windows: readonly TimelineWindow[],
  limit: number,
  condition: HeardCondition,
): Promise<TimelineRow[]> {
  return db.query(timelines, [
    windows.map((window) => window.roomNid),
    windows.map((window) => window.after),
    windows.map((window) => window.upTo),
    limit,
    condition.types,
    condition.notTypes,
    condition.senders,
    condition.notSenders,
    condition.containsUrl,
    condition.ignored,
  ]);
}

const outOfBand = statement<TimelineRow>(
  'find_out_of_band_events',
  `select e.event_nid, e.room_nid, e.pos, 0::bigint as room_order, e.type, e.key_nid, k.state_key, u.user_id as sender,
     0::bigint as state_before, e.history_visibility
   from events e join users u on u.user_nid = e.sender_nid join state_keys k on k.key_nid = e.key_nid
   where e.event_nid = any($1::bigint[]) and e.status = 1 and e.pos is not null`,
);

/** Those of the events that have a position but no place in their room: memberships of rooms that are not here. */
export async function findOutOfBandEvents(db: ReadTx, eventNids: readonly number[]): Promise<TimelineRow[]> {
  return eventNids.length === 0 ? [] : db.query(outOfBand, [eventNids]);
}

/** A moment of a room's state: at a position, or before an event. */
export type StatePlace = { readonly roomNid: number } & ({ readonly pos: number } | { readonly beforeNid: number });

const roots = statement<{ root: number }>(
  'find_state_roots_at',
  `select coalesce(case when p.before_nid is null then (
     select h.state_root from room_heads h
     where h.room_nid = p.room_nid and h.pos <= p.pos and h.cause <> 0 order by h.pos desc limit 1
   ) else (
     select e.state_before from events e where e.event_nid = p.before_nid
   ) end, 0) as root
   from unnest($1::bigint[], $2::bigint[], $3::bigint[]) with ordinality as p(room_nid, pos, before_nid, ord) order by p.ord`,
);

/** The root of each room's state at each place, in the order given; 0 before the room was. */
export async function findStateRootsAt(db: ReadTx, places: readonly StatePlace[]): Promise<number[]> {
  if (places.length === 0) return [];
  const rows = await db.query(roots, [
    places.map((place) => place.roomNid),
    places.map((place) => ('pos' in place ? place.pos : null)),
    places.map((place) => ('beforeNid' in place ? place.beforeNid : null)),
  ]);
  return rows.map((row) => row.root);
}
