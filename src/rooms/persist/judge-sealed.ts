/** Owns the judgement of an event that is signed already: by its own auth events, the state before it, the current state. */
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import type { AuthState } from '#matrix/auth-rules/auth-event.ts';
import { checkAuthEvents } from '#matrix/auth-rules/check-auth-events.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { authStateOf, completeView, entryOf, loadEntries } from '#rooms/persist/room-view.ts';
import type { RoomView, StateEntry, ViewParts } from '#rooms/persist/room-view.ts';
import { isRejected, type EventStatus } from '#storage/rooms/event-status.ts';
import { findEventPlaces, type EventPlaceRow } from '#storage/rooms/find-graph.ts';

const options = { verify: isJsonSignedBy };

/** What the auth rules, the rows and the projections read of the state before an event. */
export function stateKeysFor(
  event: Pick<AuthEvent, 'type' | 'sender' | 'state_key' | 'content'>,
  version: RoomVersion,
): TypeAndKey[] {
  if (event.type === 'm.room.create') return [['m.room.create', '']];
  const keys: TypeAndKey[] = [...selectAuthTypes(event, version)];
  keys.push(['m.room.create', ''], ['m.room.history_visibility', ''], ['m.room.power_levels', '']);
  if (event.state_key !== undefined) keys.push([event.type, event.state_key]);
  return keys;
}

/** Whether the event follows all of the room's extremities and nothing else, so that the state before it is the room's. */
export function standsOnHead({ pdu }: ValidatedPdu, { head }: RoomView): boolean {
  const parents = new Set(
    pdu.prev_events.map((reference) => (typeof reference === 'string' ? reference : reference[0])),
  );
  return parents.size === head.extremities.length && head.extremities.every(({ id }) => parents.has(id));
}

/** An event's own auth events, in the order in which it cites them. */
export type CitedEvent = StateEntry & { readonly status: EventStatus };

/** Throws a MissingEventsError if one of them is not here, or known by name only. */
export async function loadCited(parts: ViewParts, event: AuthEvent, view: RoomView): Promise<CitedEvent[]> {
  const ids = [...new Set(event.auth_events)];
  const places = await findEventPlaces(parts.database, ids);
  const missing = ids.filter((id) => (places.get(id)?.status ?? 'missing') === 'missing');
  if (missing.length > 0) throw new MissingEventsError(missing);
  const nids = ids.flatMap((id) => places.get(id)?.eventNid ?? []);
  const entries = await loadEntries(parts.database, view.version, nids);
  // What came out of band nobody has judged: it permits nothing until it has come with its own auth events.
  const unjudged = ids.filter((id) => isUnjudged(places.get(id), entries));
  if (unjudged.length > 0) throw new MissingEventsError(unjudged);
  return ids.flatMap((id) => {
    const place = places.get(id);
    const entry = place === undefined ? undefined : entries.get(place.eventNid);
    return place === undefined || entry === undefined ? [] : [{ ...entry, status: place.status }];
  });
}

function isUnjudged(place: EventPlaceRow | undefined, entries: ReadonlyMap<number, StateEntry>): boolean {
  return place?.status === 'outlier' && entries.get(place.eventNid)?.authGen === 0;
}

/** The room's state has been completed for `event` in both views. */
type Standing = { readonly event: AuthEvent; readonly before: RoomView; readonly current: RoomView };

/** Specification: Server-Server API, "Checks performed on receipt of a PDU", 4 to 6. */
export async function judgeSealed(
  parts: ViewParts,
  { event, before, current }: Standing,
  cited: readonly CitedEvent[],
): Promise<EventStatus> {
  const { version } = current;
  // The room has its create event: another one belongs to no room of this name.
  if (event.type === 'm.room.create') return 'rejected_by_auth';
  const keys = stateKeysFor(event, version);
  await Promise.all([completeView(parts, before, keys), completeView(parts, current, keys)]);
  const create = version.roomIdIsCreateHash ? entryOf(before, 'm.room.create', '')?.event : undefined;
  if (!isAllowedByCited(event, cited, { version, create })) return 'rejected_by_auth';
  if (!checkAuth(event, version, judgingState(before, cited), options).allowed) return 'rejected_by_state';
  // A room that is only being entered has no state of its own yet.
  if (before.head.root === current.head.root || current.head.extremities.length === 0) return 'accepted';
  return checkAuth(event, version, judgingState(current, cited), options).allowed ? 'accepted' : 'soft_failed';
}

/** A member whom a state lacks that is not complete is what the event says of them itself, by what it cites. */
function judgingState(view: RoomView, cited: readonly CitedEvent[]): AuthState {
  const state = authStateOf(view);
  if (!view.isPartial) return state;
  const members = new Map<string, AuthEvent>();
  for (const { event, status } of cited) {
    if (event.type === 'm.room.member' && !isRejected(status)) members.set(event.state_key ?? '', event);
  }
  return (type, stateKey) => state(type, stateKey) ?? (type === 'm.room.member' ? members.get(stateKey) : undefined);
}

/** By an event's own auth events alone. From version 12 on `create` is the event that the room id names. */
export function isAllowedByCited(
  event: AuthEvent,
  cited: readonly CitedEvent[],
  { version, create: implied }: { readonly version: RoomVersion; readonly create: AuthEvent | undefined },
): boolean {
  const judged = cited.map((entry) => ({ ...entry.event, rejected: isRejected(entry.status) }));
  const create = implied === undefined ? undefined : { ...implied, rejected: false };
  if (!checkAuthEvents(event, version, judged, create).allowed) return false;
  const byKey = new Map(judged.map((own) => [joinedKey(own.type, own.state_key ?? ''), own]));
  if (create !== undefined) byKey.set(joinedKey('m.room.create', ''), create);
  return checkAuth(event, version, (type, stateKey) => byKey.get(joinedKey(type, stateKey)), options).allowed;
}

/** Whether the event cites exactly what the view's state has for it: then one look at the rules is all three. */
export function citesState(event: AuthEvent, view: RoomView): boolean {
  const selected = new Set<string>();
  for (const [type, stateKey] of selectAuthTypes(event, view.version)) {
    const entry = entryOf(view, type, stateKey);
    if (entry !== undefined) selected.add(entry.event.eventId);
  }
  return selected.size === event.auth_events.length && event.auth_events.every((id) => selected.has(id));
}
