/** Owns taking in events without their place in the graph: the state and auth chains that other servers tell. */
import type { Clock } from '#core/clock.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { createEventIdOf } from '#matrix/hashes.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { referenceTo } from '#rooms/persist/event-reference.ts';
import { isAllowedByCited, type CitedEvent } from '#rooms/persist/judge-sealed.ts';
import { loadEntries, type ViewParts } from '#rooms/persist/room-view.ts';
import type { Database } from '#storage/database.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import { isJudged, type EventStatus } from '#storage/rooms/event-status.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { ensureRoom, persistOutlierRows, type OutlierRow } from '#storage/rooms/persist-outliers.ts';

export type OutlierParts = ViewParts & {
  readonly database: Database;
  readonly nids: NidAllocator;
  readonly clock: Clock;
};

export type OutlierRequest = {
  readonly roomId: string;
  readonly version: RoomVersion;
  /** State events with checked hashes and signatures, in any order. */
  readonly events: readonly ValidatedPdu[];
};

/**
 * Keeps the events, each judged by its own auth events, which must be among them or here already; one of which an auth
 * event is missing is not kept, nor is one whose type or state key no column can hold. Resolves with what became of each:
 * `missing` for these. An event that was here before stays what it was. Specification: Server-Server API, "Checks performed on receipt of a PDU", 4.
 */
export async function persistOutliers(
  parts: OutlierParts,
  { roomId, version, events }: OutlierRequest,
): Promise<ReadonlyMap<string, EventStatus>> {
  const { database, nids, clock } = parts;
  const roomNid = await nids.reserve(1, () => nids.take());
  const room = await database.transaction((tx) =>
    ensureRoom(tx, { roomNid, roomId, version: version.id, now: clock.now() }),
  );
  if (room.version !== version.id) throw new MatrixError('M_BAD_STATE', 'The room is of another version.');
  const given = new Map<string, GivenEvent>();
  for (const pdu of events) {
    if (pdu.roomId === roomId) given.set(pdu.eventId, { pdu, event: authEventOf(pdu.pdu, pdu.eventId, version) });
  }
  const cited = Array.from(given.values(), ({ event }) => event.auth_events);
  const implied = version.roomIdIsCreateHash ? [createEventIdOf(roomId)] : [];
  const known = await loadKnown(parts, version, [...new Set([...given.keys(), ...cited.flat(), ...implied])]);
  const statuses = new Map<string, EventStatus>();
  for (const id of given.keys()) statuses.set(id, known.get(id)?.status ?? 'missing');
  const open = inOrder([...given.values()].filter(({ event }) => !known.has(event.eventId) && isStorable(event)));
  if (open.length === 0) return statuses;
  const [own] = await Promise.all([
    nids.reserve(open.length, () => open.map(() => nids.take())),
    internNames(
      parts,
      open.map(({ pdu }) => pdu),
    ),
  ]);
  const rows: OutlierRow[] = [];
  for (const [index, { pdu, event }] of open.entries()) {
    const entries = event.auth_events.map((id) => known.get(id));
    const complete = entries.filter((entry) => entry !== undefined);
    const eventNid = own[index];
    const create = version.roomIdIsCreateHash ? known.get(createEventIdOf(roomId))?.event : undefined;
    const lacksCreate = version.roomIdIsCreateHash && create === undefined && event.type !== 'm.room.create';
    if (complete.length < entries.length || lacksCreate || eventNid === undefined) continue;
    const status = isAllowedByCited(event, complete, { version, create }) ? 'outlier' : 'rejected_by_auth';
    const authGen = 1 + Math.max(0, ...complete.map((entry) => entry.authGen));
    known.set(pdu.eventId, { eventNid, authGen, event, reference: referenceTo(pdu), status });
    const authNids = complete.map((entry) => entry.eventNid);
    rows.push({ ...rowOf(parts, pdu, event), eventNid, status, authGen, authNids });
  }
  if (rows.length === 0) return statuses;
  const written = await database.transaction((tx) => persistOutlierRows(tx, room.roomNid, rows));
  for (const { eventId, status } of rows) if (written.has(eventId)) statuses.set(eventId, status);
  return statuses;
}

/** Columns cannot hold U+0000. What has it is left out, so that one such event does not cost all of a room's state. */
function isStorable({ type, sender, state_key: stateKey }: AuthEvent): boolean {
  return !type.includes('\0') && !sender.includes('\0') && stateKey?.includes('\0') !== true;
}

type GivenEvent = { readonly pdu: ValidatedPdu; readonly event: AuthEvent };

/** What is here with its text, outliers included. */
async function loadKnown(
  { database }: OutlierParts,
  version: RoomVersion,
  eventIds: readonly string[],
): Promise<Map<string, CitedEvent>> {
  const places = [...(await findEventPlaces(database, eventIds)).values()];
  const held = places.filter(({ status }) => status === 'outlier' || isJudged(status));
  const entries = await loadEntries(
    database,
    version,
    held.map(({ eventNid }) => eventNid),
  );
  const known = new Map<string, CitedEvent>();
  for (const { eventId, eventNid, status } of held) {
    const entry = entries.get(eventNid);
    // What came out of band was taken in without its auth events, and is judged by them when it is told as state.
    const isUnjudged = status === 'outlier' && entry?.authGen === 0;
    if (entry !== undefined && !isUnjudged) known.set(eventId, { ...entry, status });
  }
  return known;
}

/** Cited before citing. Events that cite each other come last, where their auth events are missing. */
function inOrder(events: readonly GivenEvent[]): GivenEvent[] {
  const waiting = new Set(events.map(({ event }) => event.eventId));
  const citedBy = new Map<string, GivenEvent[]>();
  const open = new Map<string, number>();
  const ready: GivenEvent[] = [];
  for (const given of events) {
    const { eventId, type, auth_events } = given.event;
    const own = [...new Set(auth_events)].filter((id) => waiting.has(id));
    for (const id of own) {
      const citing = citedBy.get(id);
      if (citing === undefined) citedBy.set(id, [given]);
      else citing.push(given);
    }
    open.set(eventId, own.length);
    // From version 12 on nothing cites the create event, and everything needs it.
    if (own.length === 0) ready.splice(type === 'm.room.create' ? 0 : ready.length, 0, given);
  }
  for (const { event } of ready) {
    for (const citing of citedBy.get(event.eventId) ?? []) {
      const left = (open.get(citing.event.eventId) ?? 0) - 1;
      open.set(citing.event.eventId, left);
      if (left === 0) ready.push(citing);
    }
  }
  const sorted = new Set(ready);
  return [...ready, ...events.filter((given) => !sorted.has(given))];
}

async function internNames({ interned }: OutlierParts, events: readonly ValidatedPdu[]): Promise<void> {
  await Promise.all([
    interned.internUsers(events.map(({ pdu }) => pdu.sender)),
    interned.internKeys(events.map(({ pdu }) => [pdu.type, pdu.state_key ?? ''])),
  ]);
}

function rowOf({ interned }: OutlierParts, pdu: ValidatedPdu, event: AuthEvent) {
  const senderNid = interned.knownUser(event.sender);
  const keyNid = interned.knownKey(event.type, event.state_key ?? '');
  if (senderNid === undefined || keyNid === undefined) throw new Error('internNames() was not awaited.');
  return {
    eventId: pdu.eventId,
    json: pdu.json,
    type: event.type,
    keyNid: event.state_key === undefined ? null : keyNid,
    senderNid,
    originServerTs: event.origin_server_ts,
    depth: event.depth,
  };
}
