/** Owns writing events without their place in the graph: what other servers told as state and auth events. */
import { statement, type Tx } from '#storage/database.ts';
import { codeOfStatus, type EventStatus } from '#storage/rooms/event-status.ts';

export type OutlierRow = {
  readonly eventNid: number;
  readonly eventId: string;
  readonly status: Extract<EventStatus, 'outlier' | 'rejected_by_auth'>;
  readonly json: string;
  readonly type: string;
  readonly keyNid: number | null;
  readonly senderNid: number;
  readonly originServerTs: number;
  readonly depth: number;
  readonly authGen: number;
  readonly authNids: readonly number[];
};

// What was mentioned becomes an outlier, and what came out of band gets its citations; what is more than that already stays. A room that has been removed gets no rows,
// and one that is being removed goes only after this is committed.
const insertOutliers = statement<{ event_nid: number }>(
  'insert_outliers',
  `with room as (select room_nid from rooms where room_nid = $1 for key share)
   insert into events (
     event_nid, room_nid, event_id, status, type, key_nid, sender_nid, origin_server_ts, depth, history_visibility, auth_gen
   )
   select nid, room_nid, id, status, type, key, sender, ts, depth, 3, gen
   from room, unnest($2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
     $10::integer[]) as o(nid, id, status, type, key, sender, ts, depth, gen)
   on conflict (event_nid) do update set status = excluded.status, type = excluded.type, key_nid = excluded.key_nid,
     sender_nid = excluded.sender_nid, origin_server_ts = excluded.origin_server_ts, depth = excluded.depth,
     auth_gen = excluded.auth_gen
   where events.status = 0 or events.status = 1 and events.auth_gen is null`,
);
const insertTexts = statement<unknown>(
  'insert_outlier_texts',
  `insert into event_json (event_nid, json)
   select nid, json from unnest($1::bigint[], $2::text[]) as t(nid, json)
   where exists (select from events where event_nid = nid)
   on conflict (event_nid) do nothing`,
);
const insertCitations = statement<unknown>(
  'insert_outlier_citations',
  `insert into event_auth (event_nid, auth_nid)
   select nid, cited from unnest($1::bigint[], $2::bigint[]) as c(nid, cited)
   where exists (select from events where event_nid = nid)
   on conflict (event_nid, auth_nid) do nothing`,
);

/** The rows must have the nids that the events were mentioned with. */
export async function persistOutlierRows(tx: Tx, roomNid: number, rows: readonly OutlierRow[]): Promise<void> {
  await tx.query(insertOutliers, [
    roomNid,
    rows.map((row) => row.eventNid),
    rows.map((row) => row.eventId),
    rows.map((row) => codeOfStatus(row.status)),
    rows.map((row) => row.type),
    rows.map((row) => row.keyNid),
    rows.map((row) => row.senderNid),
    rows.map((row) => row.originServerTs),
    rows.map((row) => row.depth),
    rows.map((row) => row.authGen),
  ]);
  await tx.query(insertTexts, [rows.map((row) => row.eventNid), rows.map((row) => row.json)]);
  await tx.query(insertCitations, [
    rows.flatMap((row) => row.authNids.map(() => row.eventNid)),
    rows.flatMap((row) => row.authNids),
  ]);
}

const insertRoom = statement<unknown>(
  'insert_entered_room',
  `insert into rooms (room_nid, room_id, version, created_at) values ($1, $2, $3, $4) on conflict (room_id) do nothing`,
);
const selectRoom = statement<{ room_nid: number; version: string }>(
  'select_entered_room',
  'select room_nid, version from rooms where room_id = $1',
);

/** The room's nid; a room that was never heard of gets a row, and has no head until an event is persisted in it. */
export async function ensureRoom(
  tx: Tx,
  room: { readonly roomNid: number; readonly roomId: string; readonly version: string; readonly now: number },
): Promise<{ readonly roomNid: number; readonly version: string }> {
  await tx.query(insertRoom, [room.roomNid, room.roomId, room.version, room.now]);
  const [row] = await tx.query(selectRoom, [room.roomId]);
  if (row === undefined) throw new Error(`The room ${room.roomId} has vanished.`);
  return { roomNid: row.room_nid, version: row.version };
}
