/** Owns what state resolution sees: state events, states, and the auth rules' view of the former. */
import type { AuthEvent, JsonObject } from '#matrix/pdu.ts';
import { ownValue } from '#matrix/auth-rules/json-access.ts';
import { serverNameOf } from '#matrix/ids.ts';
import { roomIdOfCreate } from '#matrix/hashes.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** A state event of the room. One that its own auth events do not permit never comes here. */
export type ResolvableEvent = {
  readonly eventId: string;
  readonly type: string;
  readonly stateKey: string;
  readonly sender: string;
  /** Milliseconds since 1970, as the event claims. */
  readonly originServerTs: number;
  readonly depth: number;
  readonly authEventIds: readonly string[];
  readonly content: JsonObject;
  /** Whether it was rejected on receipt, by the state before it. It can still be part of a result. */
  readonly rejected: boolean;
  /** 1 + the greatest of its auth events', hence 1 for an event without any: the order in which auth chains are walked. */
  readonly authGen: number;
  /** Read for the creator's first join only. Absent: a creator's join that cites nothing but the create event is the first. */
  readonly prevEventIds?: readonly string[];
};

/** A state: event ids by `joinedKey(type, stateKey)`. */
export type StateSet = ReadonlyMap<string /* joinedKey */, string /* eventId */>;

/** Whether both are of that type; the state key is empty. */
export function isNamed(event: ResolvableEvent, type: string): boolean {
  return event.type === type && event.stateKey === '';
}

/** The `membership` of a member event, whatever JSON it is. */
export function membershipIn(event: ResolvableEvent): unknown {
  return ownValue(event.content, 'membership');
}

/** The auth rules' view of the event. */
export function viewOf(event: ResolvableEvent, version: RoomVersion, createId: string | undefined): AuthEvent {
  return {
    eventId: event.eventId,
    type: event.type,
    sender: event.sender,
    room_id: event.type === 'm.room.create' ? roomIdOf(event, version) : '',
    state_key: event.stateKey,
    content: event.content,
    auth_events: event.authEventIds,
    prev_events: event.prevEventIds ?? likelyPrevEvents(event, version, createId),
    origin_server_ts: event.originServerTs,
    depth: event.depth,
  };
}

/** Rooms are told apart before resolution; the rules then ask only whether a create event and its room id belong together. */
function roomIdOf(create: ResolvableEvent, version: RoomVersion): string {
  return version.roomIdIsCreateHash ? roomIdOfCreate(create.eventId) : `!:${serverNameOf(create.sender) ?? ''}`;
}

// A join that cites neither join rules nor an earlier membership was permitted by its auth events as the first join only.
function likelyPrevEvents(
  event: ResolvableEvent,
  version: RoomVersion,
  createId: string | undefined,
): readonly string[] {
  if (event.type === 'm.room.create' || createId === undefined) return [];
  const isFirst = version.roomIdIsCreateHash
    ? event.authEventIds.length === 0
    : event.authEventIds.every((id) => id === createId);
  return isFirst ? [createId] : [];
}
