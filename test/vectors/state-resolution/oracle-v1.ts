/** Owns the reference state resolution of room version 1. */
import { createHash } from 'node:crypto';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import {
  asAuthEvent,
  findCreate,
  joinedKey,
  type Events,
  type ResolvableEvent,
  type StateSet,
} from '#test/vectors/state-resolution/resolvable.ts';

const passes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];
const sha1 = (id: string): string => createHash('sha1').update(id).digest('hex');

export function resolveOfVersion1(version: RoomVersion, sets: readonly StateSet[], events: Events): Map<string, string> {
  const conflicts = conflictingEvents(sets, events);
  const create = findCreate(sets, events);
  const isAllowed = (event: ResolvableEvent, state: StateSet): boolean => {
    const find = (type: string, stateKey: string) => {
      const found = events.get(state.get(joinedKey(type, stateKey)) ?? '');
      return found === undefined ? undefined : asAuthEvent(found, version, create);
    };
    return checkAuth(asAuthEvent(event, version, create), version, find, { verify: isJsonSignedBy }).allowed;
  };

  // "The union of the states to be resolved, excluding any conflicting events."
  let resolved = new Map(sets.flatMap((set) => [...set]).filter(([key]) => !conflicts.has(key)));
  for (const type of passes) {
    // The keys of one pass see the result of the pass before, not each other, or their order would count.
    const next = new Map(resolved);
    for (const [key, list] of conflicts) {
      if (list[0]?.type === type) next.set(key, resolveByFirstDenied(key, list, resolved, isAllowed));
    }
    resolved = next;
  }
  const complete = new Map(resolved);
  for (const [key, list] of conflicts) {
    if (passes.includes(list[0]?.type ?? '')) continue;
    const picked = list.toSorted((x, y) => -byDepth(x, y)).find((event) => isAllowed(event, resolved));
    if (picked !== undefined) complete.set(key, picked.eventId);
  }
  return complete;
}

/** "States have different event_ids for the same (event_type, state_key)": absence is no conflict. */
function conflictingEvents(sets: readonly StateSet[], events: Events): Map<string, ResolvableEvent[]> {
  const conflicts = new Map<string, ResolvableEvent[]>();
  for (const key of new Set(sets.flatMap((set) => [...set.keys()]))) {
    const ids = new Set(sets.flatMap((set) => set.get(key) ?? []));
    if (ids.size > 1) conflicts.set(key, [...ids].flatMap((id) => events.get(id) ?? []));
  }
  return conflicts;
}

/** "Ascending depth then descending sha1(event_id)"; its opposite is "the highest depth and lowest sha1(event_id)". */
function byDepth(x: ResolvableEvent, y: ResolvableEvent): number {
  if (x.depth !== y.depth) return x.depth - y.depth;
  return sha1(x.eventId) > sha1(y.eventId) ? -1 : 1;
}

/** The first event is in; each later one replaces it if allowed, and the first that is not allowed ends the list. */
function resolveByFirstDenied(
  key: string,
  list: readonly ResolvableEvent[],
  resolved: StateSet,
  isAllowed: (event: ResolvableEvent, state: StateSet) => boolean,
): string {
  const [first, ...later] = list.toSorted(byDepth);
  if (first === undefined) throw new Error(`No event of ${key} can be had.`);
  let last = first;
  for (const event of later) {
    if (!isAllowed(event, new Map(resolved).set(key, last.eventId))) break;
    last = event;
  }
  return last.eventId;
}
