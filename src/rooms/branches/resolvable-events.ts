/** Owns the events that a resolution in a room has asked for, as the database and the writer's hands have them. */
import { eventIdsOf } from '#matrix/pdu.ts';
import { readStoredPdu } from '#matrix/pdu-checks.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';
import type { ReadTx } from '#storage/database.ts';
import { isRejected, statusOfCode, type EventStatus } from '#storage/rooms/event-status.ts';
import { findEventsForResolution, findEventsForResolutionByNids, type CitingRow } from '#storage/rooms/find-graph.ts';

/** An event that is being placed and is not in the database yet. */
export type UnwrittenEvent = { readonly eventNid: number; readonly event: ResolvableEvent };

/** What events are from now on whose statuses are not written yet, by nid. */
export type Restated = ReadonlyMap<number, EventStatus>;

export class ResolvableEvents {
  readonly #database: ReadTx;
  readonly #roomNid: number;
  readonly #version: RoomVersion;
  readonly #restated: Restated;
  readonly #byId = new Map<string, ResolvableEvent>();
  readonly #idOf = new Map<number, string>();
  readonly #nidOf = new Map<string, number>();

  constructor(
    parts: {
      readonly database: ReadTx;
      readonly roomNid: number;
      readonly version: RoomVersion;
      readonly restated?: Restated | undefined;
    },
    unwritten: UnwrittenEvent | undefined,
  ) {
    this.#database = parts.database;
    this.#roomNid = parts.roomNid;
    this.#version = parts.version;
    this.#restated = parts.restated ?? new Map();
    if (unwritten !== undefined) this.#add(unwritten.eventNid, unwritten.event);
  }

  /** Reads those of the events that are not here yet, in one query. */
  async loadNids(nids: Iterable<number>): Promise<void> {
    const missing = [...new Set(nids)].filter((nid) => !this.#idOf.has(nid));
    for (const row of await findEventsForResolutionByNids(this.#database, this.#roomNid, missing)) this.#addRow(row);
  }

  async load(eventIds: readonly string[]): Promise<ReadonlyMap<string, ResolvableEvent | undefined>> {
    const missing = eventIds.filter((id) => !this.#byId.has(id));
    const rows = missing.length === 0 ? [] : await findEventsForResolution(this.#database, this.#roomNid, missing);
    for (const row of rows) this.#addRow(row);
    return new Map(eventIds.map((id) => [id, this.#byId.get(id)]));
  }

  /** Undefined for an event that must not be used, such as one that its own auth events do not permit. */
  idOf(eventNid: number): string | undefined {
    return this.#idOf.get(eventNid);
  }

  /** The nid of an event that was loaded. */
  nidOf(eventId: string): number {
    const nid = this.#nidOf.get(eventId);
    if (nid === undefined) throw new Error(`The event ${eventId} was not loaded.`);
    return nid;
  }

  find(eventId: string): ResolvableEvent | undefined {
    return this.#byId.get(eventId);
  }

  #addRow(row: CitingRow): void {
    const status = this.#restated.get(row.event_nid) ?? statusOfCode(row.status);
    if (status !== 'rejected_by_auth') this.#add(row.event_nid, resolvableOf(row, status, this.#version));
  }

  #add(eventNid: number, event: ResolvableEvent): void {
    this.#byId.set(event.eventId, event);
    this.#idOf.set(eventNid, event.eventId);
    this.#nidOf.set(event.eventId, eventNid);
  }
}

function resolvableOf(row: CitingRow, status: EventStatus, version: RoomVersion): ResolvableEvent {
  const pdu = readStoredPdu(row.json, version);
  return {
    eventId: row.event_id,
    type: pdu.type,
    stateKey: pdu.state_key ?? '',
    sender: pdu.sender,
    originServerTs: pdu.origin_server_ts,
    depth: pdu.depth,
    authEventIds: eventIdsOf(pdu.auth_events),
    prevEventIds: eventIdsOf(pdu.prev_events),
    content: pdu.content,
    rejected: isRejected(status),
    authGen: row.auth_gen ?? 1,
  };
}
