/** Owns the few readings of events and states that the parts of the oracle share. */
import { serverNameOf } from '#matrix/ids.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolve-state.ts';

export type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolve-state.ts';
export { joinedKey } from '#matrix/joined-key.ts';

export type Events = ReadonlyMap<string, ResolvableEvent>;

export const keyOf = (event: ResolvableEvent): string => joinedKey(event.type, event.stateKey);
export const createKey = joinedKey('m.room.create', '');
export const powerLevelsKey = joinedKey('m.room.power_levels', '');

/** The auth events of an event that can be had. One that nobody has is as if it had not been named. */
export function authEventsOf(event: ResolvableEvent, events: Events): ResolvableEvent[] {
  const found: ResolvableEvent[] = [];
  for (const id of event.authEventIds) {
    const cited = events.get(id);
    if (cited !== undefined) found.push(cited);
  }
  return found;
}

/** The create event of the room: from version 12 on no event cites it, so that it is found in the states. */
export function findCreate(sets: readonly StateSet[], events: Events): ResolvableEvent | undefined {
  const id = sets.map((set) => set.get(createKey)).find((id) => id !== undefined);
  return id === undefined ? undefined : events.get(id);
}

/**
 * The event as the auth rules read it. State resolution does not know room ids and parents, so an event is put into a
 * room of its own sender's server, and whoever cites nothing but the create event is taken to follow it directly.
 */
export function asAuthEvent(event: ResolvableEvent, version: RoomVersion, create?: ResolvableEvent): AuthEvent {
  const createId = create?.eventId ?? event.eventId;
  const cited = event.authEventIds.filter((id) => id !== createId);
  return {
    eventId: event.eventId,
    type: event.type,
    sender: event.sender,
    room_id: version.roomIdIsCreateHash ? `!${createId.slice(1)}` : `!room:${serverNameOf(event.sender)}`,
    state_key: event.stateKey,
    content: event.content,
    auth_events: event.authEventIds,
    prev_events: event.type === 'm.room.create' ? [] : [cited.length === 0 ? createId : '$elsewhere'],
    origin_server_ts: event.originServerTs,
    depth: event.depth,
  };
}
