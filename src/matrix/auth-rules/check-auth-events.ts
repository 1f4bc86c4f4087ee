/** Owns the rules about which events an event cites as its auth events (rule 2; from version 12 rules 2 and 3). */
import type { AuthEvent } from '#matrix/pdu.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { allowed, deny, type Verdict } from '#matrix/auth-rules/verdict.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';

/** An event and whether the checks on receipt rejected it. */
export type JudgedEvent = AuthEvent & { readonly rejected: boolean };

/**
 * Judges an event's own list of auth events. `authEvents` are all the events that `event.auth_events` names: an event
 * of which one cannot be had is no case for this function. `create` is the create event that the room id names, looked
 * at from version 12 on, where it is not among the auth events; undefined if this server does not have it.
 * Always allowed for a create event, which rule 1 settles alone.
 * Specification: Room Versions, "Authorisation rules".
 */
export function checkAuthEvents(
  event: AuthEvent,
  version: RoomVersion,
  authEvents: readonly JudgedEvent[],
  create?: JudgedEvent,
): Verdict {
  if (event.type === 'm.room.create') return allowed;
  if (version.roomIdIsCreateHash && !isAcceptedCreate(create, event.room_id)) {
    return deny(version, 'roomId', `The room id ${event.room_id} does not stand for an accepted create event.`);
  }
  const duplicate = findDuplicate(authEvents);
  if (duplicate !== undefined) {
    return deny(version, 'authEvents.duplicate', `Two auth events are ${describe(duplicate)}.`);
  }
  const selectable = selectAuthTypes(event, version);
  const surplus = authEvents.find(
    (cited) => !selectable.some(([type, stateKey]) => cited.type === type && cited.state_key === stateKey),
  );
  if (surplus !== undefined) {
    return deny(version, 'authEvents.notSelectable', `The auth event ${describe(surplus)} must not be cited here.`);
  }
  const rejected = authEvents.find((cited) => cited.rejected);
  if (rejected !== undefined) {
    return deny(version, 'authEvents.rejected', `The auth event ${rejected.eventId} was itself rejected.`);
  }
  if (!version.roomIdIsCreateHash && !authEvents.some((cited) => cited.type === 'm.room.create')) {
    return deny(version, 'authEvents.create', 'The create event of the room is not among the auth events.');
  }
  const foreign = authEvents.find((cited) => cited.room_id !== event.room_id);
  if (foreign !== undefined) {
    return deny(version, 'authEvents.otherRoom', `The auth event ${foreign.eventId} belongs to another room.`);
  }
  return allowed;
}

function isAcceptedCreate(create: JudgedEvent | undefined, roomId: string): boolean {
  if (create === undefined || create.rejected || create.type !== 'm.room.create') return false;
  return roomId === `!${create.eventId.slice(1)}`;
}

function findDuplicate(authEvents: readonly JudgedEvent[]): JudgedEvent | undefined {
  const seen = new Set<string>();
  for (const cited of authEvents) {
    const key = JSON.stringify([cited.type, cited.state_key]);
    if (seen.has(key)) return cited;
    seen.add(key);
  }
  return undefined;
}

function describe(event: AuthEvent): string {
  return event.state_key === undefined ? event.type : `${event.type} for "${event.state_key}"`;
}
