/** Owns the reading of answers: each function asserts the shape that the specification demands and returns it typed. */
import assert from 'node:assert/strict';

export type JsonObject = { readonly [key: string]: unknown };

/** An event in the format for clients. `room_id` is absent in /sync. Specification: "Room event format". */
export type ClientEvent = {
  readonly event_id: string;
  readonly type: string;
  readonly sender: string;
  readonly origin_server_ts: number;
  readonly content: JsonObject;
  readonly state_key?: string;
  readonly room_id?: string;
  readonly unsigned: JsonObject;
  /** The event as it was received, for keys that are not listed above. */
  readonly raw: JsonObject;
};

/** Specification: "Stripped state". */
export type StrippedEvent = {
  readonly type: string;
  readonly state_key: string;
  readonly sender: string;
  readonly content: JsonObject;
};

export type SyncedRoom = {
  readonly timeline: readonly ClientEvent[];
  readonly limited: boolean;
  readonly prevBatch: string | undefined;
  /** `undefined` when the answer has no such key, which is not the same as an empty list. */
  readonly state: readonly ClientEvent[] | undefined;
  readonly stateAfter: readonly ClientEvent[] | undefined;
  readonly summary: JsonObject;
  readonly raw: JsonObject;
};

export type SyncAnswer = {
  readonly nextBatch: string;
  readonly join: ReadonlyMap<string, SyncedRoom>;
  readonly leave: ReadonlyMap<string, SyncedRoom>;
  readonly invite: ReadonlyMap<string, readonly StrippedEvent[]>;
  readonly raw: JsonObject;
};

export type MessagesPage = {
  readonly start: string;
  readonly end: string | undefined;
  readonly chunk: readonly ClientEvent[];
};

/** Whether a value is a JSON object, which null and arrays are not. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value as a JSON object; `what` names it in the failure. */
export function asObject(value: unknown, what: string): JsonObject {
  assert.ok(isObject(value), `${what} should be a JSON object, but is ${JSON.stringify(value)}`);
  return value;
}

/** The value as an array; `what` names it in the failure. */
export function asArray(value: unknown, what: string): readonly unknown[] {
  assert.ok(Array.isArray(value), `${what} should be an array, but is ${JSON.stringify(value)}`);
  return value;
}

/** A required string of an object. */
export function text(object: JsonObject, key: string): string {
  const value = object[key];
  assert.ok(typeof value === 'string', `${key} should be a string in ${JSON.stringify(object)}`);
  return value;
}

/** A string that may be absent, but may not be anything else. */
export function optionalText(object: JsonObject, key: string): string | undefined {
  return object[key] === undefined ? undefined : text(object, key);
}

/** One event with every key that the specification requires. */
export function readEvent(value: unknown): ClientEvent {
  const raw = asObject(value, 'an event');
  const stateKey = optionalText(raw, 'state_key');
  const roomId = optionalText(raw, 'room_id');
  const timestamp = raw['origin_server_ts'];
  assert.ok(Number.isSafeInteger(timestamp), `origin_server_ts should be an integer in ${JSON.stringify(raw)}`);
  const eventId = text(raw, 'event_id');
  assert.match(eventId, /^\$/, 'an event id starts with $');
  return {
    event_id: eventId,
    type: text(raw, 'type'),
    sender: text(raw, 'sender'),
    origin_server_ts: Number(timestamp),
    content: asObject(raw['content'], 'content of an event'),
    unsigned: asObject(raw['unsigned'] ?? {}, 'unsigned of an event'),
    raw,
    ...(stateKey === undefined ? {} : { state_key: stateKey }),
    ...(roomId === undefined ? {} : { room_id: roomId }),
  };
}

/** A list of events; `what` names it in the failure. */
export function readEvents(value: unknown, what: string): ClientEvent[] {
  return asArray(value, what).map(readEvent);
}

/** The answer of GET /messages. */
export function readMessages(value: unknown): MessagesPage {
  const page = asObject(value, 'the answer of /messages');
  return {
    start: text(page, 'start'),
    end: optionalText(page, 'end'),
    chunk: readEvents(page['chunk'], 'chunk'),
  };
}

/** The answer of GET /sync. */
export function readSync(value: unknown): SyncAnswer {
  const raw = asObject(value, 'the answer of /sync');
  const rooms = asObject(raw['rooms'] ?? {}, 'rooms');
  return {
    nextBatch: text(raw, 'next_batch'),
    join: mapRooms(rooms['join'], readSyncedRoom),
    leave: mapRooms(rooms['leave'], readSyncedRoom),
    invite: mapRooms(rooms['invite'], readInvite),
    raw,
  };
}

/** The only event of that type and state key in a list, or `undefined`; more than one is a failure. */
export function findState(events: readonly ClientEvent[], type: string, stateKey = ''): ClientEvent | undefined {
  const found = events.filter((event) => event.type === type && event.state_key === stateKey);
  assert.ok(found.length <= 1, `${type} "${stateKey}" appears ${found.length} times in one list of state`);
  return found[0];
}

function mapRooms<T>(value: unknown, read: (room: JsonObject) => T): ReadonlyMap<string, T> {
  const rooms = asObject(value ?? {}, 'a section of rooms');
  return new Map(Object.entries(rooms).map(([roomId, room]) => [roomId, read(asObject(room, roomId))]));
}

function readSyncedRoom(room: JsonObject): SyncedRoom {
  const timeline = asObject(room['timeline'] ?? { events: [] }, 'timeline');
  return {
    timeline: readEvents(timeline['events'], 'timeline.events'),
    limited: timeline['limited'] === true,
    prevBatch: optionalText(timeline, 'prev_batch'),
    state: readBatch(room, 'state'),
    stateAfter: readBatch(room, 'state_after'),
    summary: asObject(room['summary'] ?? {}, 'summary'),
    raw: room,
  };
}

function readBatch(room: JsonObject, key: string): ClientEvent[] | undefined {
  if (room[key] === undefined) return undefined;
  return readEvents(asObject(room[key], key)['events'] ?? [], `${key}.events`);
}

function readInvite(room: JsonObject): StrippedEvent[] {
  const state = asObject(room['invite_state'], 'invite_state');
  return asArray(state['events'], 'invite_state.events').map((value) => {
    const event = asObject(value, 'a stripped event');
    return {
      type: text(event, 'type'),
      state_key: text(event, 'state_key'),
      sender: text(event, 'sender'),
      content: asObject(event['content'], 'content of a stripped event'),
    };
  });
}
