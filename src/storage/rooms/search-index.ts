/** Owns the write of the search index, and reading what is to be written into it. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

export type IndexableEvent = {
  readonly pos: number;
  readonly event_nid: number;
  readonly room_nid: number;
  readonly room_order: number;
  readonly type: string;
  readonly origin_server_ts: number;
  /** Null unless its type can be searched. */
  readonly json: string | null;
  readonly is_encrypted: boolean;
  readonly is_redacted: boolean;
  /** The event that this one redacts. */
  readonly redacts: string | null;
};

// By events_pos_key; the text is read of those alone that can be searched. With `exists`, redactions would be read whole.
const selectIndexable = statement<IndexableEvent>(
  'select_indexable_events',
  `select e.pos, e.event_nid, e.room_nid, e.room_order, e.type, e.origin_server_ts, j.json,
     s.encryption is not null as is_encrypted,
     j.json is not null and (
       select true from redactions d where d.target_event_id = e.event_id and d.room_nid = e.room_nid and d.valid limit 1
     ) is not null as is_redacted,
     case when e.type = 'm.room.redaction' then (
       select d.target_event_id from redactions d where d.redaction_nid = e.event_nid and d.valid limit 1
     ) end as redacts
   from events e
   left join event_json j on j.event_nid = e.event_nid and e.type = any($3::text[])
   left join room_summary s on s.room_nid = e.room_nid
   where e.pos > $1 order by e.pos limit $2`,
);

/** The events after a position, ascending: all of them, so that their last position is how far one has come. */
export function findIndexable(
  db: ReadTx,
  after: number,
  limit: number,
  types: readonly string[],
): Promise<IndexableEvent[]> {
  return db.query(selectIndexable, [after, limit, types]);
}

export type IndexRow = {
  readonly eventNid: number;
  readonly roomNid: number;
  readonly roomOrder: number;
  readonly kind: number;
  readonly originServerTs: number;
  readonly lexemes: readonly string[];
};

// JSON, since PostgreSQL has no arrays of arrays of different lengths. An event may have been removed since it was read.
const insertRows = statement<unknown>(
  'insert_search_rows',
  `insert into search_index (event_nid, room_nid, room_order, kind, origin_server_ts, lexemes)
   select nid, room, ord, kind, ts, array_to_tsvector(array(select json_array_elements_text(words::json)))
   from unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::smallint[], $5::bigint[], $6::text[])
     as r(nid, room, ord, kind, ts, words)
   where exists (select from events where event_nid = nid)
   on conflict (event_nid) do nothing`,
);
const deleteRows = statement<unknown>(
  'delete_redacted_search_rows',
  `delete from search_index s using events e where e.event_id = any($1::text[]) and s.event_nid = e.event_nid`,
);

export async function persistIndexRows(tx: Tx, rows: readonly IndexRow[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(insertRows, [
    rows.map((row) => row.eventNid),
    rows.map((row) => row.roomNid),
    rows.map((row) => row.roomOrder),
    rows.map((row) => row.kind),
    rows.map((row) => row.originServerTs),
    rows.map((row) => JSON.stringify(row.lexemes)),
  ]);
}

/** Takes out what was redacted. */
export async function persistUnindexed(tx: Tx, eventIds: readonly string[]): Promise<void> {
  if (eventIds.length > 0) await tx.query(deleteRows, [eventIds]);
}
