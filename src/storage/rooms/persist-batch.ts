/** Owns the write of a batch of events: its rows, turned into calls of the database's persist functions. */
import { statement, type ReadTx } from '#storage/database.ts';
import { binaryArray } from '#storage/rooms/binary-array.ts';
import {
  edgeColumns,
  eventColumns,
  headCauses,
  headColumns,
  membershipColumns,
  replayColumns,
  roomColumns,
  stateColumns,
  type EventRow,
  type RoomRows,
} from '#storage/rooms/persist-columns.ts';

/** What became of a room's part of a batch. */
export type RoomStatus = 'written' | 'conflict' | 'busy' | 'replayed';
const statuses: readonly RoomStatus[] = ['written', 'conflict', 'busy', 'replayed'];

export type BatchOutcome = {
  readonly statuses: readonly RoomStatus[];
  /** Position of the batch's first event; those after it follow without gaps, rooms that were not written included. */
  readonly firstPos: number;
};

const room = ['p_room_nids', 'p_room_seqs'];
const replay = ['p_replay_room', 'p_replay_device', 'p_replay_hash'];
const edges = ['g_room', 'g_event', 'g_prev'];
const heads = [
  'h_root',
  'h_extremity',
  'x_room',
  'x_nid',
  'h_depth',
  'h_order',
  'h_notify',
  'h_cause',
  'h_last_event',
  'h_bump_event',
  'h_bump_pos',
];
const relation = ['e_relates_to', 'e_rel_type'];
const ending = ['e_notify', 'e_step', 'k_event', 'k_user', 'e_txn_device', 'e_txn_id', 'e_replay_hash'];
const place = ['e_sender', 'e_ts', 'e_depth', 'e_order', 'e_state_before', 'e_visibility'];

// In the order in which the functions declare them, after those that are no columns.
const plainParameters = [
  ...room,
  ...replay,
  ...edges,
  ...heads.filter((name) => !name.startsWith('x_')),
  'e_json',
  'e_room',
  'e_nid',
  'e_id',
  'e_type',
  ...place,
  ...relation,
  ...ending,
];
const heavyParameters = [
  ...room,
  'p_room_ids',
  'p_room_versions',
  ...replay,
  'e_room',
  'e_nid',
  'e_json',
  ...edges,
  'a_room',
  'a_event',
  'a_auth',
  'n_room',
  'n_nid',
  'n_entries',
];
const flushParameters = [
  ...room,
  ...heads,
  'e_room',
  'e_nid',
  'e_id',
  'e_status',
  'e_at',
  'e_type',
  'e_key',
  ...place,
  'e_partial',
  'e_auth_gen',
  ...relation,
  ...ending,
  'm_event',
  'm_user',
  'm_membership',
  'm_was',
  'm_nid',
  'm_cause',
];

const placeholders = (from: number, count: number): string =>
  Array.from({ length: count }, (_, index) => `$${from + index}`).join(', ');
const batchStatement = statement<{ o_status: number[]; o_first_pos: number | null }>(
  'persist_batch',
  `select o_status, o_first_pos from persist_batch(${placeholders(1, plainParameters.length + 1)})`,
);
const messageStatement = statement<{ o_status: number; o_pos: number | null }>(
  'persist_message',
  `select o_status, o_pos from persist_message(${placeholders(1, 24)})`,
);
const heavyStatement = statement<{ status: number[] }>(
  'persist_heavy',
  `select persist_heavy(${placeholders(1, heavyParameters.length + 2)}) as status`,
);
const flushStatement = statement<{ first_pos: number }>(
  'persist_flush',
  `select persist_flush(${placeholders(1, flushParameters.length + 2)}) as first_pos`,
);

/**
 * Whether a batch has nothing but messages on the rooms' heads, and in rooms that lack no members, so that one autocommit
 * statement can write it.
 */
export function isPlain(rooms: readonly RoomRows[]): boolean {
  return rooms.every(
    ({ created, cause, extremityNids, events }) =>
      created === undefined &&
      cause === headCauses.message &&
      extremityNids.length === 1 &&
      events.every(({ isLive, isMentioned, statePartial }) => isLive && !isMentioned && !statePartial),
  );
}

/** Writes one message in one round trip; the shape of most batches of a server that is not busy. */
async function persistMessage(db: ReadTx, now: number, room: RoomRows, event: EventRow): Promise<BatchOutcome> {
  const [row] = await db.query(messageStatement, [
    now,
    room.roomNid,
    room.roomSeq,
    room.bumpPos,
    event.bumps,
    room.root,
    event.eventNid,
    event.eventId,
    event.json,
    event.prevNids,
    event.type,
    event.senderNid,
    event.originServerTs,
    event.depth,
    event.roomOrder,
    event.historyVisibility,
    event.relatesTo,
    event.relType,
    event.notifySeq,
    event.notifyStep,
    event.highlighted,
    event.txnDeviceNid,
    event.txnId,
    event.replayHash,
  ]);
  if (row === undefined) throw new Error('persist_message gave no row.');
  return { statuses: [statusOf(row.o_status)], firstPos: row.o_pos ?? 0 };
}

/** Writes a plain batch in one round trip. Rooms ascend by nid. */
export async function persistPlainBatch(db: ReadTx, now: number, rooms: readonly RoomRows[]): Promise<BatchOutcome> {
  const [room] = rooms;
  const [event] = room?.events ?? [];
  if (room !== undefined && event !== undefined && rooms.length === 1 && room.events.length === 1) {
    return persistMessage(db, now, room, event);
  }
  const columns = new Map([
    ...roomColumns(rooms),
    ...replayColumns(rooms),
    ...edgeColumns(rooms),
    ...headColumns(rooms),
    ...eventColumns(rooms),
  ]);
  const [row] = await db.query(batchStatement, [now, ...plainParameters.map((name) => required(columns, name))]);
  if (row === undefined) throw new Error('persist_batch gave no row.');
  return { statuses: row.o_status.map(statusOf), firstPos: row.o_first_pos ?? 0 };
}

/** The first half inside a transaction: locks, heads, and every row without a position. */
export async function persistHeavy(
  db: ReadTx,
  now: number,
  rooms: readonly RoomRows[],
  wait: boolean,
): Promise<readonly number[]> {
  const columns = new Map([
    ...roomColumns(rooms),
    ...replayColumns(rooms),
    ...edgeColumns(rooms),
    ...stateColumns(rooms),
    ...eventColumns(rooms),
  ]);
  const [row] = await db.query(heavyStatement, [wait, now, ...heavyParameters.map((name) => required(columns, name))]);
  if (row === undefined) throw new Error('persist_heavy gave no row.');
  return row.status;
}

/** The second half: takes the stream's lock. Nothing but COMMIT may follow. */
export async function persistFlush(
  db: ReadTx,
  now: number,
  rooms: readonly RoomRows[],
  status: readonly number[],
): Promise<number> {
  const columns = new Map([
    ...roomColumns(rooms),
    ...headColumns(rooms),
    ...eventColumns(rooms),
    ...membershipColumns(rooms),
  ]);
  const values = [binaryArray('int2', status), now, ...flushParameters.map((name) => required(columns, name))];
  const [row] = await db.query(flushStatement, values);
  if (row === undefined) throw new Error('persist_flush gave no row.');
  return row.first_pos;
}

export function statusOf(code: number): RoomStatus {
  const status = statuses[code];
  if (status === undefined) throw new Error(`persist_heavy answered ${code}.`);
  return status;
}

type Columns = ReadonlyMap<string, Buffer>;

function required(columns: Columns, name: string): Buffer {
  const value = columns.get(name);
  if (value === undefined) throw new Error(`The parameter ${name} is missing.`);
  return value;
}
