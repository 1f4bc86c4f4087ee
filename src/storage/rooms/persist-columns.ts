/** Owns the rows of a batch of events, and their turning into columns: the array parameters of the persist functions. */
import { binaryArray, type ElementType } from '#storage/rooms/binary-array.ts';
import type { NewNode, StateRoot } from '#storage/rooms/state-tries.ts';

/** An event as its rows have it; everything but the position is known. */
export type EventRow = {
  readonly eventNid: number;
  readonly eventId: string;
  readonly json: string;
  readonly type: string;
  readonly keyNid: number | null;
  readonly senderNid: number;
  readonly originServerTs: number;
  readonly depth: number;
  readonly roomOrder: number;
  readonly stateBefore: StateRoot;
  readonly historyVisibility: number;
  readonly authGen: number | null;
  readonly authNids: readonly number[];
  readonly prevNids: readonly number[];
  readonly relatesTo: string | null;
  readonly relType: string | null;
  readonly notifySeq: number;
  readonly txnDeviceNid: number | null;
  readonly txnId: string | null;
  readonly replayHash: Buffer | null;
  readonly bumps: boolean;
  readonly nodes: readonly NewNode[];
  /** A change of a local user's membership. */
  readonly membership: { readonly userNid: number; readonly now: number; readonly was: number } | undefined;
};

/** One room's part of a batch. `roomSeq` is the head it stands on; 0 for a room that the batch creates. */
export type RoomRows = {
  readonly roomNid: number;
  readonly roomSeq: number;
  readonly created: { readonly roomId: string; readonly version: string } | undefined;
  readonly root: StateRoot;
  readonly rootChanged: boolean;
  readonly bumpPos: number;
  readonly events: readonly EventRow[];
};

export type Column = readonly [name: string, value: Buffer];

const column = (name: string, type: ElementType, elements: readonly (number | string | Buffer | null)[]): Column => [
  name,
  binaryArray(type, elements),
];

export function roomColumns(rooms: readonly RoomRows[]): Column[] {
  return [
    column(
      'p_room_nids',
      'int8',
      rooms.map((room) => room.roomNid),
    ),
    column(
      'p_room_seqs',
      'int8',
      rooms.map((room) => room.roomSeq),
    ),
    column(
      'p_room_ids',
      'text',
      rooms.map((room) => room.created?.roomId ?? null),
    ),
    column(
      'p_room_versions',
      'text',
      rooms.map((room) => room.created?.version ?? null),
    ),
  ];
}

/** Calls `row` for every event with the ordinal of its room, from 1. */
function perEvent<T>(
  rooms: readonly RoomRows[],
  row: (event: EventRow, room: number, ordinal: number) => readonly T[],
): T[] {
  const out: T[] = [];
  let ordinal = 0;
  for (const [index, { events }] of rooms.entries()) {
    for (const event of events) {
      ordinal++;
      for (const value of row(event, index + 1, ordinal)) out.push(value);
    }
  }
  return out;
}

export function replayColumns(rooms: readonly RoomRows[]): Column[] {
  const keyed = (event: EventRow): boolean => event.replayHash !== null;
  return [
    column(
      'p_replay_room',
      'int4',
      perEvent(rooms, (event, room) => (keyed(event) ? [room] : [])),
    ),
    column(
      'p_replay_device',
      'int8',
      perEvent(rooms, (event) => (keyed(event) ? [event.txnDeviceNid] : [])),
    ),
    column(
      'p_replay_hash',
      'bytea',
      perEvent(rooms, (event) => (keyed(event) ? [event.replayHash] : [])),
    ),
  ];
}

export function edgeColumns(rooms: readonly RoomRows[]): Column[] {
  return [
    column(
      'g_room',
      'int4',
      perEvent(rooms, (event, room) => event.prevNids.map(() => room)),
    ),
    column(
      'g_event',
      'int8',
      perEvent(rooms, (event) => event.prevNids.map(() => event.eventNid)),
    ),
    column(
      'g_prev',
      'int8',
      perEvent(rooms, (event) => event.prevNids),
    ),
  ];
}

export function stateColumns(rooms: readonly RoomRows[]): Column[] {
  return [
    column(
      'a_room',
      'int4',
      perEvent(rooms, (event, room) => event.authNids.map(() => room)),
    ),
    column(
      'a_event',
      'int8',
      perEvent(rooms, (event) => event.authNids.map(() => event.eventNid)),
    ),
    column(
      'a_auth',
      'int8',
      perEvent(rooms, (event) => event.authNids),
    ),
    column(
      'n_room',
      'int4',
      perEvent(rooms, (event, room) => event.nodes.map(() => room)),
    ),
    column(
      'n_nid',
      'int8',
      perEvent(rooms, (event) => event.nodes.map((node) => node.nodeNid)),
    ),
    column(
      'n_entries',
      'bytea',
      perEvent(rooms, (event) => event.nodes.map((node) => node.entries)),
    ),
  ];
}

export function headColumns(rooms: readonly RoomRows[]): Column[] {
  const last = rooms.map((room) => room.events[room.events.length - 1]);
  let ordinal = 0;
  const lastOrdinals = rooms.map((room) => (ordinal += room.events.length));
  const bumps = rooms.map((room, index) => {
    const at = room.events.findLastIndex((event) => event.bumps);
    return at === -1 ? 0 : (lastOrdinals[index] ?? 0) - room.events.length + at + 1;
  });
  return [
    column(
      'h_root',
      'int8',
      rooms.map((room) => room.root),
    ),
    column(
      'h_extremity',
      'int8',
      last.map((event) => event?.eventNid ?? null),
    ),
    column(
      'h_depth',
      'int8',
      last.map((event) => event?.depth ?? null),
    ),
    column(
      'h_order',
      'int8',
      last.map((event) => event?.roomOrder ?? null),
    ),
    column(
      'h_notify',
      'int8',
      last.map((event) => event?.notifySeq ?? null),
    ),
    column(
      'h_cause',
      'int2',
      rooms.map((room) => (room.rootChanged ? 1 : 0)),
    ),
    column('h_last_event', 'int4', lastOrdinals),
    column('h_bump_event', 'int4', bumps),
    column(
      'h_bump_pos',
      'int8',
      rooms.map((room) => room.bumpPos),
    ),
  ];
}

export function eventColumns(rooms: readonly RoomRows[]): Column[] {
  const each = (name: string, type: ElementType, value: (event: EventRow) => number | string | Buffer | null): Column =>
    column(
      name,
      type,
      perEvent(rooms, (event) => [value(event)]),
    );
  return [
    column(
      'e_room',
      'int4',
      perEvent(rooms, (_, room) => [room]),
    ),
    each('e_nid', 'int8', (event) => event.eventNid),
    each('e_id', 'text', (event) => event.eventId),
    each('e_json', 'text', (event) => event.json),
    each('e_type', 'text', (event) => event.type),
    each('e_key', 'int8', (event) => event.keyNid),
    each('e_sender', 'int8', (event) => event.senderNid),
    each('e_ts', 'int8', (event) => event.originServerTs),
    each('e_depth', 'int8', (event) => event.depth),
    each('e_order', 'int8', (event) => event.roomOrder),
    each('e_state_before', 'int8', (event) => event.stateBefore),
    each('e_visibility', 'int2', (event) => event.historyVisibility),
    each('e_auth_gen', 'int4', (event) => event.authGen),
    each('e_relates_to', 'text', (event) => event.relatesTo),
    each('e_rel_type', 'text', (event) => event.relType),
    each('e_notify', 'int8', (event) => event.notifySeq),
    each('e_thread_notify', 'int8', () => null),
    each('e_txn_device', 'int8', (event) => event.txnDeviceNid),
    each('e_txn_id', 'text', (event) => event.txnId),
    each('e_replay_hash', 'bytea', (event) => event.replayHash),
  ];
}

export function membershipColumns(rooms: readonly RoomRows[]): Column[] {
  return [
    column(
      'm_event',
      'int4',
      perEvent(rooms, (event, _, ordinal) => (event.membership === undefined ? [] : [ordinal])),
    ),
    column(
      'm_user',
      'int8',
      perEvent(rooms, ({ membership }) => (membership === undefined ? [] : [membership.userNid])),
    ),
    column(
      'm_membership',
      'int2',
      perEvent(rooms, ({ membership }) => (membership === undefined ? [] : [membership.now])),
    ),
    column(
      'm_was',
      'int2',
      perEvent(rooms, ({ membership }) => (membership === undefined ? [] : [membership.was])),
    ),
  ];
}
