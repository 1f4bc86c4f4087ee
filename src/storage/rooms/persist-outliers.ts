/** Owns writing events without their place in the graph: what other servers told as state and auth events. */
import { statement, type Tx } from '#storage/database.ts';
import { binaryArray } from '#storage/rooms/binary-array.ts';
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

// What was mentioned becomes an outlier, and what came out of band gets its citations; what is more than that already stays, and
// is not in the answer. A room that has been removed gets no rows, and one that is being removed goes only after this is
// committed.
const insertOutliers = statement<{ event_nid: number; event_id: string }>(
  'insert_outliers',
  `with room as (select room_nid from rooms where room_nid = $1 for key share)
   insert into events (
     event_nid, room_nid, event_id, status, type, key_nid, sender_nid, origin_server_ts, depth, history_visibility, auth_gen
   )
   select nid, room_nid, id, status, type, key, sender, ts, depth, 3, gen
   from room, unnest($2::bigint[], $3::text[], $4::smallint[], $5::text[], $6::bigint[], $7::bigint[], $8::bigint[], $9::bigint[],
     $10::integer[]) as o(nid, id, status, type, key, sender, ts, depth, gen)
   on conflict (event_id) do update set status = excluded.status, type = excluded.type, key_nid = excluded.key_nid,
     sender_nid = excluded.sender_nid, origin_server_ts = excluded.origin_server_ts, depth = excluded.depth,
     auth_gen = excluded.auth_gen
   where events.room_nid = excluded.room_nid and (events.status = 0 or events.status = 1 and events.auth_gen is null)
   returning event_nid, event_id`,
);
const selectPersisted = statement<{ event_nid: number; event_id: string }>(
  'select_persisted_outliers',
  'select event_nid, event_id from events where event_id = any($1::text[]) and room_nid = $2 and status > 0',
);
const insertTexts = statement<unknown>(
  'insert_outlier_texts',
  `insert into event_json (event_nid, json) select nid, json from unnest($1::bigint[], $2::text[]) as t(nid, json)
   on conflict (event_nid) do nothing`,
);
const insertCitations = statement<unknown>(
  'insert_outlier_citations',
  `insert into event_auth (event_nid, auth_nid) select nid, cited from unnest($1::bigint[], $2::bigint[]) as c(nid, cited)
   on conflict (event_nid, auth_nid) do nothing`,
);

/**
 * The nids of the events by their ids: those of the rows, but for events that had one already. Events that are not in the
 * answer are not here, since the room is not.
 */
export async function persistOutlierRows(
  tx: Tx,
  roomNid: number,
  rows: readonly OutlierRow[],
): Promise<ReadonlyMap<string, number>> {
  const numbers = (type: 'int2' | 'int4' | 'int8', of: (row: OutlierRow) => number | null): Buffer =>
    binaryArray(type, rows.map(of));
  const written = await tx.query(insertOutliers, [
    roomNid,
    numbers('int8', (row) => row.eventNid),
    binaryArray(
      'text',
      rows.map((row) => row.eventId),
    ),
    numbers('int2', (row) => codeOfStatus(row.status)),
    binaryArray(
      'text',
      rows.map((row) => row.type),
    ),
    numbers('int8', (row) => row.keyNid),
    numbers('int8', (row) => row.senderNid),
    numbers('int8', (row) => row.originServerTs),
    numbers('int8', (row) => row.depth),
    numbers('int4', (row) => row.authGen),
  ]);
  const nids = new Map(written.map((row) => [row.event_id, row.event_nid]));
  const own = rows.filter(({ eventId }) => nids.has(eventId));
  if (own.length < rows.length) {
    // Somebody else has brought them meanwhile.
    const others = rows.filter(({ eventId }) => !nids.has(eventId)).map(({ eventId }) => eventId);
    for (const row of await tx.query(selectPersisted, [others, roomNid])) nids.set(row.event_id, row.event_nid);
  }
  if (own.length > 0) await persistContents(tx, rows, own, nids);
  return nids;
}

/** Texts and citations of the events that were written just now. */
async function persistContents(
  tx: Tx,
  rows: readonly OutlierRow[],
  own: readonly OutlierRow[],
  nids: ReadonlyMap<string, number>,
): Promise<void> {
  // Rows cite each other by the nids that they were to have.
  const moved = new Map<number, number>();
  for (const { eventNid, eventId } of rows) moved.set(eventNid, nids.get(eventId) ?? eventNid);
  const nidOf = ({ eventNid }: OutlierRow): number => moved.get(eventNid) ?? eventNid;
  const texts = own.map(({ json }) => json);
  const cited = own.flatMap(({ authNids }) => authNids.map((nid) => moved.get(nid) ?? nid));
  const citing = own.flatMap((row) => row.authNids.map(() => nidOf(row)));
  await Promise.all([
    tx.query(insertTexts, [binaryArray('int8', own.map(nidOf)), binaryArray('text', texts)]),
    cited.length > 0 && tx.query(insertCitations, [binaryArray('int8', citing), binaryArray('int8', cited)]),
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
  const [known] = await tx.query(selectRoom, [room.roomId]);
  if (known !== undefined) return { roomNid: known.room_nid, version: known.version };
  await tx.query(insertRoom, [room.roomNid, room.roomId, room.version, room.now]);
  const [row] = await tx.query(selectRoom, [room.roomId]);
  if (row === undefined) throw new Error(`The room ${room.roomId} has vanished.`);
  return { roomNid: row.room_nid, version: row.version };
}
