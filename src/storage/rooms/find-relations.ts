/** Owns reading events by what they relate to. A redaction takes the relation away, so redacted children are not found. */
import { statement, type ReadTx } from '#storage/database.ts';
import {
  readStoredEvents,
  storedEventColumns,
  storedEventJoins,
  type StoredEvent,
  type StoredEventRow,
} from '#storage/rooms/find-events.ts';

// One look at events_relates_to_index for each event. A lateral query with a limit cannot become a join over all relations.
const selectParents = statement<{ id: string }>(
  'select_parents_among',
  `select w.id from unnest($1::text[]) as w(id)
   cross join lateral (select c.event_nid from events c where c.relates_to = w.id limit 1) child`,
);

/** Those of the events to which any event relates. */
export async function findParents(db: ReadTx, eventIds: readonly string[]): Promise<string[]> {
  return eventIds.length === 0 ? [] : (await db.query(selectParents, [eventIds])).map((row) => row.id);
}

/** What is aggregated of an event's children. */
export type Aggregation = {
  readonly parentId: string;
  readonly roomNid: number;
  /** The most recent valid edit. */
  readonly editNid: number | undefined;
  readonly references: readonly ChildReference[];
  readonly thread: ThreadSummary | undefined;
};
export type ChildReference = {
  readonly eventId: string;
  readonly pos: number | undefined;
  readonly roomOrder: number;
  readonly historyVisibility: number;
};
export type ThreadSummary = { readonly latestNid: number; readonly count: number; readonly hasParticipated: boolean };

export type AggregationTerms = {
  /** Children of the order `before` or above do not count. */
  readonly parents: readonly { readonly eventId: string; readonly before: number }[];
  /** Whose participation in threads is told. */
  readonly userNid: number;
  /** Whose events do not count. */
  readonly ignoredNids: readonly number[];
};

type AggregationRow = {
  id: string;
  room_nid: number;
  edit_nid: number | null;
  reference_ids: string[] | null;
  reference_positions: (number | null)[] | null;
  reference_orders: number[] | null;
  reference_visibilities: number[] | null;
  thread_count: number | null;
  latest_nid: number | null;
  participated: boolean | null;
};

/** References that are listed with an event; clients ask `/relations` for more. */
const REFERENCES_MAX = 500;

const ofParent = `c.room_nid = p.room_nid and c.status = 2 and c.room_order < w.before and c.sender_nid <> all($3::bigint[])`;

// Edits by events_edits_index, newest first, to the first that is valid; the others by events_relates_to_index. A key with
// its colon cannot be part of a string in JSON text, where quotes are escaped.
const selectAggregations = statement<AggregationRow>(
  'select_aggregations',
  `select p.event_id as id, p.room_nid, edit.event_nid as edit_nid, reference.ids as reference_ids,
     reference.positions as reference_positions, reference.orders as reference_orders,
     reference.visibilities as reference_visibilities,
     thread.children as thread_count, thread.latest_nid, thread.own or p.sender_nid = $2 as participated
   from unnest($1::text[], $4::bigint[]) as w(id, before)
   join events p on p.event_id = w.id and p.key_nid is null
   left join lateral (
     select c.event_nid from events c join event_json j using (event_nid)
     where c.relates_to = p.event_id and c.rel_type = 'm.replace' and p.rel_type is distinct from 'm.replace'
       and c.sender_nid = p.sender_nid and c.type = p.type and c.key_nid is null and ${ofParent}
       and (c.type = 'm.room.encrypted' or position('"m.new_content":{' in j.json) > 0)
     order by c.origin_server_ts desc, c.event_id desc limit 1
   ) edit on true
   left join lateral (
     select array_agg(r.event_id) as ids, array_agg(r.pos) as positions, array_agg(r.room_order) as orders,
       array_agg(r.history_visibility) as visibilities
     from (
       select c.event_id, c.pos, c.room_order, c.history_visibility from events c
       where c.relates_to = p.event_id and c.rel_type = 'm.reference' and ${ofParent}
       order by c.room_order limit ${REFERENCES_MAX}
     ) r
   ) reference on true
   left join lateral (
     select count(*) as children, bool_or(c.sender_nid = $2) as own,
       (max(array[c.room_order, c.event_nid]))[2] as latest_nid
     from events c where c.relates_to = p.event_id and c.rel_type = 'm.thread' and ${ofParent}
   ) thread on true`,
);

/** The aggregations of those of the events that are not state. Specification: Client-Server API, "Aggregations of child events". */
export async function findAggregations(db: ReadTx, terms: AggregationTerms): Promise<Aggregation[]> {
  const { parents, userNid, ignoredNids } = terms;
  if (parents.length === 0) return [];
  const rows = await db.query(selectAggregations, [
    parents.map(({ eventId }) => eventId),
    userNid,
    ignoredNids,
    parents.map(({ before }) => before),
  ]);
  return rows.map((row) => ({
    parentId: row.id,
    roomNid: row.room_nid,
    editNid: row.edit_nid ?? undefined,
    references: (row.reference_ids ?? []).map((eventId, index) => ({
      eventId,
      pos: row.reference_positions?.[index] ?? undefined,
      roomOrder: row.reference_orders?.[index] ?? 0,
      historyVisibility: row.reference_visibilities?.[index] ?? 0,
    })),
    thread:
      row.latest_nid === null
        ? undefined
        : { latestNid: row.latest_nid, count: row.thread_count ?? 0, hasParticipated: row.participated ?? false },
  }));
}

export type RelatedRange = {
  readonly roomNid: number;
  readonly parentId: string;
  readonly relType: string | undefined;
  readonly eventType: string | undefined;
  /** 1 for children alone, 2 for grandchildren too, and so on. */
  readonly depth: number;
  /** No event of an order below this. */
  readonly from: number;
  /** No event of this order or above. */
  readonly before: number;
  readonly direction: 'b' | 'f';
  readonly limit: number;
};

/** Descendants that one request looks at. */
const DESCENDANTS_MAX = 10_000;

// Each step is a look at events_relates_to_index; the union drops what was seen before, so that no circle goes on.
const related = (order: 'asc' | 'desc'): string => `
  with recursive tree(event_nid, event_id, room_order, depth) as (
    select c.event_nid, c.event_id, c.room_order, 1 from events c
    where c.relates_to = $2 and c.room_nid = $1 and c.status = 2
      and ($3::text is null or c.rel_type = $3) and ($4::text is null or c.type = $4)
    union
    select c.event_nid, c.event_id, c.room_order, t.depth + 1 from tree t join events c on c.relates_to = t.event_id
    where t.depth < $5 and c.room_nid = $1 and c.status = 2
      and ($3::text is null or c.rel_type = $3) and ($4::text is null or c.type = $4)
  )
  select ${storedEventColumns} from (
    select event_nid from (
      select distinct event_nid, room_order from (select * from tree limit ${DESCENDANTS_MAX}) bounded
    ) found
    where room_order >= $6 and room_order < $7 order by room_order ${order} limit $8
  ) found
  join events e using (event_nid) ${storedEventJoins} order by e.room_order ${order}`;
const selectRelatedNewest = statement<StoredEventRow>('select_related_newest', related('desc'));
const selectRelatedOldest = statement<StoredEventRow>('select_related_oldest', related('asc'));

/** Events that relate to another one of their room, directly or by others that relate to it. */
export async function findRelated(db: ReadTx, range: RelatedRange): Promise<StoredEvent[]> {
  const rows = await db.query(range.direction === 'b' ? selectRelatedNewest : selectRelatedOldest, [
    range.roomNid,
    range.parentId,
    range.relType ?? null,
    range.eventType ?? null,
    range.depth,
    range.from,
    range.before,
    range.limit,
  ]);
  return readStoredEvents(db, rows);
}

export type ThreadsRange = {
  readonly roomNid: number;
  readonly userNid: number;
  readonly ignoredNids: readonly number[];
  readonly onlyParticipated: boolean;
  /** Threads whose newest event has this order or above are left out. */
  readonly before: number;
  /** No thread event of this order or above counts. */
  readonly ceiling: number;
  readonly limit: number;
};

/** A thread's root, and the order of the thread's newest event, by which threads are sorted. */
export type ThreadRow = { readonly root_nid: number; readonly latest_order: number };

// Walks events_threads_index from the newest event down, and keeps an event if no later one is in its thread, which is one
// look at events_relates_to_index.
const selectThreads = statement<ThreadRow>(
  'select_threads',
  `select p.event_nid as root_nid, c.room_order as latest_order
   from events c join events p on p.event_id = c.relates_to and p.room_nid = c.room_nid
   where c.room_nid = $1 and c.rel_type = 'm.thread' and c.room_order < least($5, $6::bigint) and c.status = 2
     and c.sender_nid <> all($3::bigint[]) and p.status = 2
     and not exists (
       select from events n where n.relates_to = c.relates_to and n.rel_type = 'm.thread' and n.room_nid = $1
         and n.room_order > c.room_order and n.room_order < $6 and n.status = 2 and n.sender_nid <> all($3::bigint[])
     )
     and (not $4 or p.sender_nid = $2 or exists (
       select from events o where o.relates_to = c.relates_to and o.rel_type = 'm.thread' and o.room_nid = $1
         and o.sender_nid = $2 and o.room_order < $6 and o.status = 2
     ))
   order by c.room_order desc limit $7`,
);

/** The threads of a room, those with the newest events first. */
export function findThreads(db: ReadTx, range: ThreadsRange): Promise<ThreadRow[]> {
  return db.query(selectThreads, [
    range.roomNid,
    range.userNid,
    range.ignoredNids,
    range.onlyParticipated,
    range.before,
    range.ceiling,
    range.limit,
  ]);
}

// By the key: an annotation of the same event, sender and kind. Few people react to one event.
const selectAnnotations = statement<{ event_id: string; json: string }>(
  'select_own_annotations',
  `select c.event_id, j.json from events c join event_json j using (event_nid)
   join users u on u.user_nid = c.sender_nid
   where c.relates_to = $1 and c.rel_type = 'm.annotation' and c.type = $2 and u.user_id = $3 and c.room_nid = $4
     and c.status = 2 order by c.room_order desc limit 100`,
);

/** The texts of a user's annotations of an event. */
export async function findOwnAnnotations(
  db: ReadTx,
  by: { readonly parentId: string; readonly type: string; readonly sender: string; readonly roomNid: number },
): Promise<string[]> {
  const rows = await db.query(selectAnnotations, [by.parentId, by.type, by.sender, by.roomNid]);
  return rows.map((row) => row.json);
}

const selectRelationOf = statement<{ rel_type: string | null }>(
  'select_relation_of_event',
  `select rel_type from events where event_id = $1 and room_nid = $2 and status = 2`,
);

/** How an event relates to another; undefined for one that does not, or is not in the room. */
export async function findRelType(db: ReadTx, roomNid: number, eventId: string): Promise<string | undefined> {
  return (await db.query(selectRelationOf, [eventId, roomNid]))[0]?.rel_type ?? undefined;
}
