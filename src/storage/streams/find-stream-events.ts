/** Owns reading the event stream out of its table. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StreamEventRow = {
  readonly pos: number;
  readonly event_nid: number;
  readonly room_nid: number;
  readonly room_id: string;
  readonly version: string;
  readonly event_id: string;
  readonly type: string;
  readonly key_nid: number | null;
  readonly state_key: string | null;
  readonly sender: string;
  readonly origin_server_ts: number;
  readonly room_order: number;
  readonly state_before: number;
  readonly json: string;
  readonly txn_device_nid: number | null;
  readonly txn_id: string | null;
  /** A redaction names it; whether that one counts is decided when it is rendered. */
  readonly redacted: boolean;
  /** It does not follow the room's newest events: its head says what became of the state. */
  readonly is_fork: boolean;
  /** 1 if it notifies under the rules that everybody has, else 0. */
  readonly notify_step: number;
  /** Under the same rules; see `findHighlights` for single users. */
  readonly highlights_everybody: boolean;
  /** The root of the thread that it is sent to. */
  readonly thread_root_id: string | null;
};

// Not by `exists`: PostgreSQL guesses that many rows follow and reads both tables whole, for every message that another
// process tells. A subquery with a limit is asked for each row, by its index.
const streamEvents = statement<StreamEventRow>(
  'find_stream_events',
  `select e.pos, e.event_nid, e.room_nid, r.room_id, r.version, e.event_id, e.type, e.key_nid, k.state_key,
     u.user_id as sender, e.origin_server_ts, coalesce(e.room_order, 0) as room_order, coalesce(e.state_before, 0) as state_before, j.json,
     e.txn_device_nid, e.txn_id,
     (select true from redactions d where d.target_event_id = e.event_id and d.valid is not false limit 1) is not null
       as redacted,
     (select true from room_heads h where h.room_nid = e.room_nid and h.pos = e.pos and h.cause in (2, 5) limit 1) is not null
       as is_fork,
     e.notify_step,
     (select true from notifications n where n.user_nid = 0 and n.pos = e.pos limit 1) is not null
       as highlights_everybody,
     case when e.rel_type = 'm.thread' then e.relates_to end as thread_root_id
   from events e
   join rooms r on r.room_nid = e.room_nid
   join users u on u.user_nid = e.sender_nid
   join event_json j on j.event_nid = e.event_nid
   left join state_keys k on k.key_nid = e.key_nid
   where e.pos > $1 order by e.pos limit $2`,
);

/** The events with a position after this one, ascending, as many as `limit`. */
export function findStreamEvents(db: ReadTx, after: number, limit: number): Promise<StreamEventRow[]> {
  return db.query(streamEvents, [after, limit]);
}

// By keys of both tables: there is no index by position alone, for a row more is written with each mention.
const highlights = statement<Mention>(
  'find_highlights',
  `select m.pos, m.user_id as "userId" from unnest($1::bigint[], $2::text[]) as m(pos, user_id)
   join users u on u.user_id = m.user_id
   join notifications n on n.user_nid = u.user_nid and n.pos = m.pos`,
);

export type Mention = { readonly pos: number; readonly userId: string };

/** Those of the mentions that highlight a user of ours under the rules that everybody has. */
export async function findHighlights(db: ReadTx, mentions: readonly Mention[]): Promise<Mention[]> {
  if (mentions.length === 0) return [];
  return db.query(highlights, [mentions.map(({ pos }) => pos), mentions.map(({ userId }) => userId)]);
}

// The newest events may have been removed with their room, and tokens that reach them are out there: the sequence tells of
// them. What the table has beyond the sequence was not written by us, and counts all the same.
const lastPosition = statement<{ pos: number }>(
  'find_last_event_position',
  `select greatest(settled_position(1), (select coalesce(max(pos), 0) from events where pos is not null)) as pos`,
);

/** A position up to which everything is committed, no less than any that was told: it waits for the flush under way. */
export async function findLastEventPosition(db: ReadTx): Promise<number> {
  const [row] = await db.query(lastPosition, []);
  return row?.pos ?? 0;
}
