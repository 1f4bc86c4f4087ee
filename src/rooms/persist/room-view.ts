/** Owns what a writer knows of a room: its head, and the part of its state that the auth rules asked for. */
import { piecesOf } from '#core/pieces.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import { readStoredPdu } from '#matrix/pdu-checks.ts';
import type { AuthEvent, EventReference } from '#matrix/pdu.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { referenceToStored } from '#rooms/persist/event-reference.ts';
import type { ReadTx } from '#storage/database.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import type { Interned } from '#storage/interned.ts';
import { headCauses } from '#storage/rooms/persist-columns.ts';
import { selectHead, selectStateEvents, type HeadColumns } from '#storage/rooms/load-view.ts';
import type { StateRoot, StateTries } from '#storage/rooms/state-tries.ts';

export type StateEntry = {
  readonly eventNid: number;
  readonly authGen: number;
  readonly event: AuthEvent;
  /** As events that cite it in `auth_events` name it. */
  readonly reference: EventReference;
};

/** An event that nothing follows yet, as the next event names it in `prev_events`. */
export type Extremity = { readonly nid: number; readonly id: string; readonly reference: EventReference };

/** Where the next event goes. */
export type Head = {
  readonly roomSeq: number;
  readonly root: StateRoot;
  readonly extremities: readonly Extremity[];
  readonly depth: number;
  readonly lastOrder: number;
  readonly notifySeq: number;
  readonly bumpPos: number;
};

/**
 * A room as this process last saw or made it. It is a guess: the write compares heads, and a view that turns out to be
 * old is thrown away. Within it, entries are exact for the head's root.
 */
export type RoomView = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: RoomVersion;
  head: Head;
  /** Whether the state lacks members that have not been fetched yet. */
  readonly isPartial: boolean;
  /** By joined key; null for a key that the state does not have. */
  readonly state: Map<string, StateEntry | null>;
};

export type ViewParts = { readonly database: ReadTx; readonly tries: StateTries; readonly interned: Interned };

export const emptyHead: Head = {
  roomSeq: 0,
  root: 0,
  extremities: [],
  depth: 0,
  lastOrder: 0,
  notifySeq: 0,
  bumpPos: 0,
};

/** A room at a state that it has, or had, of which all is known: for reading and judging, not for building upon. */
export function viewOfState(room: Pick<RoomView, 'roomNid' | 'roomId' | 'version'>, root: StateRoot): RoomView {
  const { roomNid, roomId, version } = room;
  return { roomNid, roomId, version, head: { ...emptyHead, root }, isPartial: false, state: new Map() };
}

/** The room as the database has it, or undefined when it is not here, or being removed. */
export async function loadRoomView(database: ReadTx, roomId: string): Promise<RoomView | undefined> {
  const [row] = await database.query(selectHead, [roomId]);
  const version = row === undefined ? undefined : findRoomVersion(row.version);
  if (row === undefined || version === undefined) return undefined;
  if (row.room_seq !== null && row.cause === headCauses.purged) return undefined;
  const room = { roomNid: row.room_nid, roomId, version, isPartial: row.is_partial };
  if (row.room_seq === null) return { ...room, head: emptyHead, state: new Map() };
  return {
    ...room,
    head: {
      roomSeq: row.room_seq,
      root: row.state_root,
      extremities: await findExtremities(database, row, version),
      depth: row.depth,
      lastOrder: row.last_order,
      notifySeq: row.notify_seq,
      bumpPos: row.bump_pos,
    },
    state: new Map(),
  };
}

async function findExtremities(database: ReadTx, row: HeadColumns, version: RoomVersion): Promise<Extremity[]> {
  const ids = row.extremity_nids.map((nid, index) => ({ nid, id: row.extremity_ids[index] ?? '' }));
  if (version.eventId !== 'in-pdu') return ids.map((one) => ({ ...one, reference: one.id }));
  const rows = await database.query(selectStateEvents, [row.extremity_nids]);
  const texts = new Map(rows.map((event) => [event.event_nid, event.json]));
  return ids.map((one) => ({ ...one, reference: referenceToStored(one.id, texts.get(one.nid) ?? '{}', version) }));
}

/** Whether all of these entries are known, present or absent, so that building an event need not wait. */
export function knowsState(view: RoomView, keys: readonly TypeAndKey[]): boolean {
  return keys.every(([type, stateKey]) => view.state.has(joinedKey(type, stateKey)));
}

/** Reads the entries that the view lacks: two or three queries, whatever their number. */
export async function completeView(parts: ViewParts, view: RoomView, keys: readonly TypeAndKey[]): Promise<void> {
  const { database, tries, interned } = parts;
  const missing = keys.filter(([type, stateKey]) => !view.state.has(joinedKey(type, stateKey)));
  if (missing.length === 0) return;
  await interned.lookUpKeys(missing);
  const known = missing.map(([type, stateKey]) => interned.knownKey(type, stateKey));
  const keyNids = known.filter((keyNid) => keyNid !== undefined);
  const eventNids = await tries.findEach(database, view.roomNid, view.head.root, keyNids);
  const byKey = new Map(keyNids.map((keyNid, index) => [keyNid, eventNids[index]]));
  const found = known.map((keyNid) => (keyNid === undefined ? undefined : byKey.get(keyNid)));
  const nids = found.filter((nid) => nid !== undefined);
  const entries = await loadEntries(database, view.version, nids);
  for (const [index, [type, stateKey]] of missing.entries()) {
    const nid = found[index];
    const entry = nid === undefined ? null : entries.get(nid);
    if (entry === undefined) throw new Error(`State event ${nid} of ${view.roomId} is missing.`);
    const key = joinedKey(type, stateKey);
    // A later view of the room shares the map and may have set the entry meanwhile.
    if (!view.state.has(key)) view.state.set(key, entry);
  }
}

/** Read at once; the state of a large room is read piece by piece, so that nobody else waits for long. */
const entriesAtOnce = 500;

/** State events by their nids; what is not in the database is not in the answer. */
export async function loadEntries(
  database: ReadTx,
  version: RoomVersion,
  nids: readonly number[],
): Promise<Map<number, StateEntry>> {
  const entries = new Map<number, StateEntry>();
  for (const some of piecesOf(nids, entriesAtOnce)) {
    for (const row of await database.query(selectStateEvents, [some])) {
      const event = authEventOf(readStoredPdu(row.json, version), row.event_id, version);
      const reference = referenceToStored(row.event_id, row.json, version);
      entries.set(row.event_nid, { eventNid: row.event_nid, authGen: row.auth_gen ?? 0, event, reference });
    }
  }
  return entries;
}

export function entryOf(view: RoomView, type: string, stateKey: string): StateEntry | undefined {
  return view.state.get(joinedKey(type, stateKey)) ?? undefined;
}

/** The view as the auth rules read it. Asking for an entry that was not completed is a mistake of ours. */
export function authStateOf(view: RoomView): AuthState {
  return (type, stateKey) => {
    const entry = view.state.get(joinedKey(type, stateKey));
    if (entry === undefined) throw new Error(`The auth rules read ${type}, which was not loaded.`);
    return entry?.event;
  };
}
