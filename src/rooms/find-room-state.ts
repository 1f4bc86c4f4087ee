/** Owns reading single entries of a room's state, and the whole of it. */
import { contentJsonOf } from '#matrix/client-event.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import { findEventsByNids, findEventsOfType, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findStateKeys } from '#storage/rooms/state-keys.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

export type TypeAndKey = readonly [type: string, stateKey: string];

/** The events under these keys of a state. Keys that the state lacks are left out. */
export async function findStateEvents(
  parts: RoomReadParts,
  roomNid: number,
  root: StateRoot,
  keys: readonly TypeAndKey[],
): Promise<StoredEvent[]> {
  const eventNids: number[] = [];
  for (const keyNid of await findStateKeys(parts.database, keys)) {
    if (keyNid === undefined) continue;
    const eventNid = await parts.tries.find(parts.database, roomNid, root, keyNid);
    if (eventNid !== undefined) eventNids.push(eventNid);
  }
  return findEventsByNids(parts.database, eventNids);
}

/** The event under one key of a state. */
export async function findStateEvent(
  parts: RoomReadParts,
  roomNid: number,
  root: StateRoot,
  type: string,
  stateKey: string,
): Promise<StoredEvent | undefined> {
  return (await findStateEvents(parts, roomNid, root, [[type, stateKey]]))[0];
}

/** All events of a state, oldest first. */
export async function findWholeState(parts: RoomReadParts, roomNid: number, root: StateRoot): Promise<StoredEvent[]> {
  const entries = await parts.tries.entries(parts.database, roomNid, root);
  const nids = entries.map(([, eventNid]) => eventNid);
  return inOrder(await findEventsByNids(parts.database, nids));
}

/** The events of one type in a state, oldest first. */
export async function findStateEventsOfType(
  parts: RoomReadParts,
  roomNid: number,
  root: StateRoot,
  type: string,
): Promise<StoredEvent[]> {
  const entries = await parts.tries.entries(parts.database, roomNid, root);
  const nids = entries.map(([, eventNid]) => eventNid);
  return inOrder(await findEventsOfType(parts.database, nids, type));
}

/** The member events of a state, oldest first. */
export function findMemberEvents(parts: RoomReadParts, roomNid: number, root: StateRoot): Promise<StoredEvent[]> {
  return findStateEventsOfType(parts, roomNid, root, 'm.room.member');
}

function inOrder(events: StoredEvent[]): StoredEvent[] {
  // What came as state alone has no order.
  return events.sort((a, b) => a.roomOrder - b.roomOrder || a.originServerTs - b.originServerTs);
}

/** The content as readers may have it. */
export function contentOf(stored: Pick<StoredEvent, 'json' | 'redaction'>, version: RoomVersion): JsonObject {
  const content: unknown = JSON.parse(contentJsonOf(readableJson(stored, version)));
  return isObject(content) ? content : {};
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `content.membership` of a user in a state. */
export async function findMembershipInState(
  parts: RoomReadParts,
  room: { readonly roomNid: number; readonly version: RoomVersion },
  root: StateRoot,
  userId: string,
): Promise<string | undefined> {
  const member = await findStateEvent(parts, room.roomNid, root, 'm.room.member', userId);
  const membership = member === undefined ? undefined : contentOf(member, room.version)['membership'];
  return typeof membership === 'string' ? membership : undefined;
}
