/** Owns what completing a room reads: its events that were placed by a partial state, and its heads since then. */
import { piecesOf } from '#core/pieces.ts';
import { statement, type ReadTx } from '#storage/database.ts';
import { statusOfCode, type EventStatus } from '#storage/rooms/event-status.ts';
import type { NewNode } from '#storage/rooms/state-tries.ts';

/** An event whose state before it lacks members. */
export type PartialEvent = {
  readonly eventNid: number;
  readonly eventId: string;
  readonly status: EventStatus;
  readonly keyNid: number | undefined;
  readonly prevNids: readonly number[];
};

type PartialEventRow = {
  event_nid: number;
  event_id: string;
  status: number;
  key_nid: number | null;
  prev_nids: number[];
};

// By events_partial_index and the key of the edges.
const selectPartialEvents = statement<PartialEventRow>(
  'select_partial_events',
  `select e.event_nid, e.event_id, e.status, e.key_nid,
     array(select g.prev_nid from event_edges g where g.event_nid = e.event_nid order by g.prev_nid) as prev_nids
   from events e where e.room_nid = $1 and e.state_partial`,
);

/** In no order. */
export async function findPartialEvents(db: ReadTx, roomNid: number): Promise<PartialEvent[]> {
  const rows = await db.query(selectPartialEvents, [roomNid]);
  return rows.map((row) => ({
    eventNid: row.event_nid,
    eventId: row.event_id,
    status: statusOfCode(row.status),
    keyNid: row.key_nid ?? undefined,
    prevNids: row.prev_nids,
  }));
}

export type HeadSince = {
  readonly roomSeq: number;
  readonly pos: number;
  readonly root: number;
  readonly extremityNids: readonly number[];
};

// Positions of heads never fall, so that the first one at or after the join is the join's. Along the key, backwards from the end.
const selectHeadsSince = statement<HeadSince>(
  'select_heads_since',
  `select room_seq as "roomSeq", pos, state_root as root, extremity_nids as "extremityNids"
   from room_heads where room_nid = $1 and pos >= (select pos from events where event_nid = $2)
   order by room_seq`,
);

/** The heads since an event with a position came, the oldest first; those of messages only as far as they are still there. */
export function findHeadsSince(db: ReadTx, roomNid: number, eventNid: number): Promise<HeadSince[]> {
  return db.query(selectHeadsSince, [roomNid, eventNid]);
}

// A room that has been removed gets no rows, and one that is being removed goes only after this is committed.
const insertNodes = statement<unknown>(
  'insert_whole_state_nodes',
  `with room as (select room_nid from rooms where room_nid = $1 for key share)
   insert into state_nodes (room_nid, node_nid, entries)
   select room_nid, nid, entries from room, unnest($2::bigint[], $3::bytea[]) as n(nid, entries)
   on conflict do nothing`,
);

const NODES_AT_ONCE = 500;

/**
 * Writes nodes of states that the room does not have yet. No collection removes them while the room is in `partial_rooms`.
 */
export async function persistStateNodes(db: ReadTx, roomNid: number, nodes: readonly NewNode[]): Promise<void> {
  for (const some of piecesOf(nodes, NODES_AT_ONCE)) {
    await db.query(insertNodes, [roomNid, some.map(({ nodeNid }) => nodeNid), some.map(({ entries }) => entries)]);
  }
}

const selectMemberships = statement<{ user_nid: number; membership: number }>(
  'select_memberships_of_users',
  'select user_nid, membership from user_rooms where room_nid = $1 and user_nid = any($2::bigint[])',
);

/** What these users of this server are to the room, by number, as far as anything is known. */
export async function findMembershipsOf(
  db: ReadTx,
  roomNid: number,
  userNids: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (userNids.length === 0) return new Map();
  const rows = await db.query(selectMemberships, [roomNid, userNids]);
  return new Map(rows.map((row) => [row.user_nid, row.membership]));
}
