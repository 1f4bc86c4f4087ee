/** Owns the reference state resolution, which recomputes everything and is as close to the text as code can be. */
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import {
  fullConflictedSet,
  powerEventsWithChains,
  unconflictedStateMap,
} from '#test/vectors/state-resolution/definitions.ts';
import { resolveOfVersion1 } from '#test/vectors/state-resolution/oracle-v1.ts';
import { mainlineOrdering, reverseTopologicalPowerOrdering, type Room } from '#test/vectors/state-resolution/orderings.ts';
import {
  asAuthEvent,
  authEventsOf,
  createKey,
  findCreate,
  joinedKey,
  keyOf,
  powerLevelsKey,
  type Events,
  type ResolvableEvent,
  type StateSet,
} from '#test/vectors/state-resolution/resolvable.ts';

/**
 * The resolution of the states, in which an event that nobody has counts as not named. Throws if auth events go round
 * in a circle. Specification: Room Versions 1, 2 and 12, "State resolution".
 */
export function resolveByTheText(version: RoomVersion, sets: readonly StateSet[], events: Events): Map<string, string> {
  if (version.stateResolution === 'v1') return resolveOfVersion1(version, sets, events);
  const isVersion21 = version.stateResolution === 'v2.1';
  const room: Room = { version, events, create: findCreate(sets, events) };
  const unconflicted = unconflictedStateMap(sets);
  const full = fullConflictedSet(sets, events, isVersion21);
  const selected = powerEventsWithChains(full, events);
  const start = isVersion21 ? new Map<string, string>() : unconflicted;
  const partial = iterativeAuthChecks(room, start, reverseTopologicalPowerOrdering(selected, room));
  const powerLevels = events.get(partial.get(powerLevelsKey) ?? '');
  const rest = mainlineOrdering(full.difference(selected), powerLevels, room);
  const resolved = iterativeAuthChecks(room, partial, rest);
  for (const [key, id] of unconflicted) resolved.set(key, id);
  return resolved;
}

/** "If the state event is not allowed by the authorisation rules, then the event is ignored." */
function iterativeAuthChecks(room: Room, initial: StateSet, list: readonly ResolvableEvent[]): Map<string, string> {
  const state = new Map(initial);
  for (const event of list) {
    const find = (type: string, stateKey: string): AuthEvent | undefined => {
      const found = findForAuth(room, state, event, joinedKey(type, stateKey));
      return found === undefined ? undefined : asAuthEvent(found, room.version, room.create);
    };
    const judged = asAuthEvent(event, room.version, room.create);
    const verdict = checkAuth(judged, room.version, find, { verify: isJsonSignedBy });
    if (verdict.allowed) state.set(keyOf(event), event.eventId);
  }
  return state;
}

/** From the state, or else "from the event's `auth_events` … if the auth event is not rejected". */
function findForAuth(room: Room, state: StateSet, event: ResolvableEvent, key: string): ResolvableEvent | undefined {
  const id = state.get(key);
  if (id !== undefined) return room.events.get(id);
  const cited = authEventsOf(event, room.events).find((cited) => keyOf(cited) === key && !cited.rejected);
  // The room id of version 12 stands for the citation of the create event.
  return cited ?? (room.version.roomIdIsCreateHash && key === createKey ? room.create : undefined);
}
