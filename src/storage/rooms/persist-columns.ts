/** Owns the rows of a batch of events, and their turning into columns: the array parameters of the persist functions. */
import { binaryArray, type ElementType } from '#storage/rooms/binary-array.ts';
import { codeOfStatus, type EventStatus } from '#storage/rooms/event-status.ts';
import type { NewNode, StateRoot } from '#storage/rooms/state-tries.ts';

/** An event as its rows have it; everything but the position is known. */
export type EventRow = {
  readonly eventNid: number;
  /** Whether there is a row already, of an event that was mentioned before it came. */
  readonly isMentioned: boolean;
  readonly eventId: string;
  readonly status: EventStatus;
  /** Whether it is new in the room, and so has a position: accepted, and no history that is filled in. */
  readonly isLive: boolean;
  readonly json: string;
  readonly type: string;
  readonly keyNid: number | null;
  readonly senderNid: number;
  readonly originServerTs: number;
  readonly depth: number;
  /** Null for an event that is not accepted: it has no place among those that people page through. */
  readonly roomOrder: number | null;
  readonly stateBefore: StateRoot;
  /** Whether that state lacks members that have not been fetched yet. */
  readonly statePartial: boolean;
  readonly historyVisibility: number;
  readonly authGen: number | null;
  readonly authNids: readonly number[];
  readonly prevNids: readonly number[];
  readonly relatesTo: string | null;
  readonly relType: string | null;
  /** How many events of the room notify under the rules that everybody has, this one included; null for history. */
  readonly notifySeq: number | null;
  /** 1 if this one does, else 0. */
  readonly notifyStep: number;
  /** The users whom it highlights under those rules; '' for everybody. */
  readonly highlighted: readonly string[];
  readonly txnDeviceNid: number | null;
  readonly txnId: string | null;
  readonly replayHash: Buffer | null;
  readonly bumps: boolean;
  readonly nodes: readonly NewNode[];
  /** The change of a local user's membership that the event is. */
  readonly membership: MembershipChange | undefined;
  /** Changes of local users' memberships that came with the event: older events that a state resolution has chosen. */
  readonly resolvedMemberships: readonly (MembershipChange & { readonly eventNid: number | null })[];
};

export type MembershipChange = { readonly userNid: number; readonly now: number; readonly was: number };

/**
 * Why a room has a new head; the codes of the column. `purged` is the last head of a room: from there on nobody reads or writes
 * it. `gap` is a resolution with an event before which others are missing, or were when it came.
 */
export const headCauses = { message: 0, stateEvent: 1, resolution: 2, completeState: 3, purged: 4, gap: 5 } as const;

/** One room's part of a batch. `roomSeq` is the head it stands on; 0 for a room that the batch creates. */
export type RoomRows = {
  readonly roomNid: number;
  readonly roomSeq: number;
  readonly created: { readonly roomId: string; readonly version: string } | undefined;
  /** The new head. */
  readonly root: StateRoot;
  readonly cause: number;
  readonly extremityNids: readonly number[];
  readonly depth: number;
  readonly lastOrder: number;
  readonly notifySeq: number;
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
  const firstOrdinals: number[] = [];
  let ordinal = 1;
  for (const { events } of rooms) {
    firstOrdinals.push(ordinal);
    ordinal += events.length;
  }
  /** The ordinal of the room's last event that meets the condition, 0 for none. */
  const lastOrdinals = (condition: (event: EventRow) => boolean): number[] =>
    rooms.map(({ events }, index) => {
      const at = events.findLastIndex(condition);
      return at === -1 ? 0 : (firstOrdinals[index] ?? 0) + at;
    });
  const isPositioned = (event: EventRow): boolean => event.isLive;
  const several = rooms.flatMap((room, index) =>
    room.extremityNids.length === 1 ? [] : room.extremityNids.map((nid) => ({ room: index + 1, nid })),
  );
  return [
    column(
      'h_root',
      'int8',
      rooms.map((room) => room.root),
    ),
    column(
      'h_extremity',
      'int8',
      rooms.map((room) => room.extremityNids[0] ?? null),
    ),
    column(
      'x_room',
      'int4',
      several.map(({ room }) => room),
    ),
    column(
      'x_nid',
      'int8',
      several.map(({ nid }) => nid),
    ),
    column(
      'h_depth',
      'int8',
      rooms.map((room) => room.depth),
    ),
    column(
      'h_order',
      'int8',
      rooms.map((room) => room.lastOrder),
    ),
    column(
      'h_notify',
      'int8',
      rooms.map((room) => room.notifySeq),
    ),
    column(
      'h_cause',
      'int2',
      rooms.map((room) => room.cause),
    ),
    column('h_last_event', 'int4', lastOrdinals(isPositioned)),
    column(
      'h_bump_event',
      'int4',
      lastOrdinals((event) => event.bumps && isPositioned(event)),
    ),
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
    each('e_status', 'int2', (event) => codeOfStatus(event.status)),
    column(
      'e_at',
      'int4',
      perEvent(rooms, (event, _, ordinal) => [event.isLive ? ordinal - 1 : null]),
    ),
    each('e_json', 'text', (event) => event.json),
    each('e_type', 'text', (event) => event.type),
    each('e_key', 'int8', (event) => event.keyNid),
    each('e_sender', 'int8', (event) => event.senderNid),
    each('e_ts', 'int8', (event) => event.originServerTs),
    each('e_depth', 'int8', (event) => event.depth),
    each('e_order', 'int8', (event) => event.roomOrder),
    each('e_state_before', 'int8', (event) => event.stateBefore),
    each('e_partial', 'int2', (event) => Number(event.statePartial)),
    each('e_visibility', 'int2', (event) => event.historyVisibility),
    each('e_auth_gen', 'int4', (event) => event.authGen),
    each('e_relates_to', 'text', (event) => event.relatesTo),
    each('e_rel_type', 'text', (event) => event.relType),
    each('e_notify', 'int8', (event) => event.notifySeq),
    each('e_step', 'int2', (event) => event.notifyStep),
    column(
      'k_event',
      'int4',
      perEvent(rooms, (event, _, ordinal) => event.highlighted.map(() => ordinal)),
    ),
    column(
      'k_user',
      'text',
      perEvent(rooms, (event) => event.highlighted),
    ),
    each('e_txn_device', 'int8', (event) => event.txnDeviceNid),
    each('e_txn_id', 'text', (event) => event.txnId),
    each('e_replay_hash', 'bytea', (event) => event.replayHash),
  ];
}

export function membershipColumns(rooms: readonly RoomRows[]): Column[] {
  const changes = perEvent(rooms, (event, _, ordinal) => [
    ...(event.membership === undefined
      ? []
      : [{ ...event.membership, ordinal, eventNid: event.eventNid, cause: headCauses.message }]),
    ...event.resolvedMemberships.map((change) => ({ ...change, ordinal, cause: headCauses.resolution })),
  ]);
  const each = (
    name: string,
    type: ElementType,
    value: (change: (typeof changes)[number]) => number | null,
  ): Column => [name, binaryArray(type, changes.map(value))];
  return [
    each('m_event', 'int4', ({ ordinal }) => ordinal),
    each('m_user', 'int8', ({ userNid }) => userNid),
    each('m_membership', 'int2', ({ now }) => now),
    each('m_was', 'int2', ({ was }) => was),
    each('m_nid', 'int8', ({ eventNid }) => eventNid),
    each('m_cause', 'int2', ({ cause }) => cause),
  ];
}
