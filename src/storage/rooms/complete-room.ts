/** Owns the statements by which a room becomes complete, all in one transaction that holds the room's lock. */
import { piecesOf } from '#core/pieces.ts';
import { statement, type Tx } from '#storage/database.ts';
import { codeOfStatus, type EventStatus } from '#storage/rooms/event-status.ts';
import { headCauses, type MembershipChange } from '#storage/rooms/persist-columns.ts';

/** An event with the state before it made whole, and what it is by that. */
export type WholeEvent = {
  readonly eventNid: number;
  readonly root: number;
  readonly status: EventStatus;
  readonly historyVisibility: number;
  /** Of an event that is accepted only now: its place among those that people page through. */
  readonly roomOrder: number | undefined;
};

// An event that counts no more leaves its places; one that counts from now on has no position, since no sync tells it.
const updateEvents = statement<unknown>(
  'update_whole_events',
  `update events e set state_before = w.root, state_partial = false, status = w.status, history_visibility = w.visibility,
     pos = case when w.status = 2 then e.pos end,
     room_order = case when w.status = 2 then coalesce(w.room_order, e.room_order) end
   from unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::smallint[], $5::bigint[])
     as w(nid, root, status, visibility, room_order)
   where e.event_nid = w.nid`,
);
const updateHeads = statement<unknown>(
  'update_whole_heads',
  `update room_heads h set state_root = w.root from unnest($2::bigint[], $3::bigint[]) as w(seq, root)
   where h.room_nid = $1 and h.room_seq = w.seq`,
);
// What no position of the stream tells comes with the position of the head before.
const insertHead = statement<unknown>(
  'insert_complete_head',
  `insert into room_heads (room_nid, room_seq, pos, bump_pos, state_root, extremity_nids, depth, last_order, notify_seq, cause)
   select room_nid, room_seq + 1, coalesce($3, pos), bump_pos, $4, $5, depth, greatest(last_order, $6), notify_seq,
     ${headCauses.completeState}
   from room_heads where room_nid = $1 and room_seq = $2`,
);
const deleteFromSearch = statement<unknown>(
  'delete_rejected_from_search',
  'delete from search_index where event_nid = any($1::bigint[])',
);
const deleteRedactions = statement<unknown>(
  'delete_redactions_by',
  'delete from redactions where redaction_nid = any($1::bigint[])',
);
const takePosition = statement<{ pos: number }>(
  'take_event_position',
  `with locked as materialized (select pg_advisory_xact_lock(2, 1)) select nextval('events_pos') as pos from locked`,
);
const logMemberships = statement<unknown>(
  'log_whole_memberships',
  `insert into membership_log (user_nid, pos, room_nid, membership, was, event_nid, cause)
   select nid, $2, $1, membership, was, event, ${headCauses.completeState}
   from unnest($3::bigint[], $4::smallint[], $5::smallint[], $6::bigint[]) as m(nid, membership, was, event)`,
);
const updateMemberships = statement<unknown>(
  'update_whole_memberships',
  `insert into user_rooms (user_nid, room_nid, membership, since_pos, event_nid)
   select nid, $1, membership, $2, event from unnest($3::bigint[], $4::smallint[], $5::bigint[]) as m(nid, membership, event)
   on conflict (user_nid, room_nid) do update set membership = excluded.membership, since_pos = excluded.since_pos,
     event_nid = excluded.event_nid, forgotten_pos = null`,
);
const forgetPartial = statement<unknown>(
  'forget_partial_events',
  'update events set state_partial = false where room_nid = $1 and state_partial',
);
const patience = statement<unknown>(
  'allow_long_completion',
  `select set_config('idle_in_transaction_session_timeout', '30s', true), set_config('lock_timeout', '5s', true)`,
);

const EVENTS_AT_ONCE = 5_000;

/** Between its statements the states of what came last are made whole, which takes longer than a message. */
export async function allowLongTransaction(tx: Tx): Promise<void> {
  await tx.query(patience, []);
}

export async function persistWholeEvents(tx: Tx, events: readonly WholeEvent[]): Promise<void> {
  for (const some of piecesOf(events, EVENTS_AT_ONCE)) {
    await tx.query(updateEvents, [
      some.map((event) => event.eventNid),
      some.map((event) => event.root),
      some.map((event) => codeOfStatus(event.status)),
      some.map((event) => event.historyVisibility),
      some.map((event) => event.roomOrder ?? null),
    ]);
  }
}

/** Nothing that is made of these events may go on saying what they say. */
export async function persistRejections(tx: Tx, eventNids: readonly number[]): Promise<void> {
  if (eventNids.length === 0) return;
  await tx.query(deleteFromSearch, [eventNids]);
  await tx.query(deleteRedactions, [eventNids]);
}

export type WholeHeads = {
  readonly roomNid: number;
  /** The newest head. */
  readonly roomSeq: number;
  /** The states at the heads since the room was entered. */
  readonly roots: readonly { readonly roomSeq: number; readonly root: number }[];
  readonly root: number;
  readonly extremityNids: readonly number[];
  readonly lastOrder: number;
};

/** `pos` is taken where clients are to hear of something that no event tells; else the head has that of the one before. */
export async function persistWholeHeads(tx: Tx, heads: WholeHeads, pos: number | undefined): Promise<void> {
  await tx.query(updateHeads, [
    heads.roomNid,
    heads.roots.map((head) => head.roomSeq),
    heads.roots.map((head) => head.root),
  ]);
  const { roomNid, roomSeq, root, extremityNids, lastOrder } = heads;
  await tx.query(insertHead, [roomNid, roomSeq, pos ?? null, root, extremityNids, lastOrder]);
}

/** A position of the event stream that no event has. It takes the stream's lock, so that little may follow but the commit. */
export async function takeEventPosition(tx: Tx): Promise<number> {
  const [row] = await tx.query(takePosition, []);
  if (row === undefined) throw new Error('The stream gave no position.');
  return row.pos;
}

export type WholeMembership = MembershipChange & { readonly eventNid: number };

export async function persistWholeMemberships(
  tx: Tx,
  roomNid: number,
  pos: number,
  changes: readonly WholeMembership[],
): Promise<void> {
  const users = changes.map(({ userNid }) => userNid);
  const memberships = changes.map(({ now }) => now);
  const events = changes.map(({ eventNid }) => eventNid);
  await tx.query(logMemberships, [roomNid, pos, users, memberships, changes.map(({ was }) => was), events]);
  await tx.query(updateMemberships, [roomNid, pos, users, memberships, events]);
}

/** The states before the room's events stay what they are: the room is completed no more, or is begun with anew. */
export async function forgetPartialEvents(tx: Tx, roomNid: number): Promise<void> {
  await tx.query(forgetPartial, [roomNid]);
}
