/** Owns the definitions of state resolution 2 and 2.1, one function for each, as slow and literal as the text. */
import {
  authEventsOf,
  keyOf,
  powerLevelsKey,
  type Events,
  type ResolvableEvent,
  type StateSet,
} from '#test/vectors/state-resolution/resolvable.ts';

/** "A state event with type `m.room.power_levels` or `m.room.join_rules`, or … `leave` or `ban` and the sender does not match". */
export function isPowerEvent(event: ResolvableEvent): boolean {
  if (event.type === 'm.room.power_levels' || event.type === 'm.room.join_rules') return true;
  if (event.type !== 'm.room.member' || event.sender === event.stateKey) return false;
  return event.content['membership'] === 'leave' || event.content['membership'] === 'ban';
}

/** "If a given key K is present in every Sᵢ with the same value V in each state map". */
export function unconflictedStateMap(sets: readonly StateSet[]): Map<string, string> {
  const unconflicted = new Map<string, string>();
  for (const set of sets) {
    for (const [key, id] of set) if (sets.every((other) => other.get(key) === id)) unconflicted.set(key, id);
  }
  return unconflicted;
}

/** "Otherwise, V belongs to the conflicted state set." An event that nobody has cannot be judged and is left out. */
export function conflictedStateSet(sets: readonly StateSet[], events: Events): Set<string> {
  const unconflicted = unconflictedStateMap(sets);
  const conflicted = new Set<string>();
  for (const set of sets) {
    for (const [key, id] of set) if (!unconflicted.has(key) && events.has(id)) conflicted.add(id);
  }
  return conflicted;
}

/** "The set containing all of E's auth events, all of their auth events, and so on". */
export function authChain(id: string, events: Events): Set<string> {
  const chain = new Set<string>();
  const waiting = [id];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const event = events.get(next);
    if (event === undefined) continue;
    for (const cited of authEventsOf(event, events)) {
      if (chain.has(cited.eventId)) continue;
      chain.add(cited.eventId);
      waiting.push(cited.eventId);
    }
  }
  return chain;
}

/**
 * "The union of the auth chains for each event in Sᵢ". Read as the network's servers read it: the events of the state
 * belong to it, or an event that all states hold would be in the difference because only some states cite it.
 */
export function fullAuthChain(set: StateSet, events: Events): Set<string> {
  let full = new Set<string>();
  for (const id of set.values()) {
    if (events.has(id)) full.add(id);
    full = full.union(authChain(id, events));
  }
  return full;
}

/** "∪ Cᵢ − ∩ Cᵢ". */
export function authDifference(sets: readonly StateSet[], events: Events): Set<string> {
  const chains = sets.map((set) => fullAuthChain(set, events));
  const union = chains.reduce((all, chain) => all.union(chain), new Set<string>());
  const intersection = chains.reduce((common, chain) => common.intersection(chain), union);
  return union.difference(intersection);
}

/** "The union of all such paths between any pair of events in the conflicted state set (including endpoints)". */
export function conflictedStateSubgraph(conflicted: ReadonlySet<string>, events: Events): Set<string> {
  const subgraph = new Set<string>();
  for (const from of conflicted) {
    const below = authChain(from, events);
    for (const to of conflicted) {
      if (!below.has(to)) continue;
      subgraph.add(from).add(to);
      for (const between of below) if (authChain(between, events).has(to)) subgraph.add(between);
    }
  }
  return subgraph;
}

/** "The union of the conflicted state set and the auth difference", from version 12 on also with the subgraph. */
export function fullConflictedSet(sets: readonly StateSet[], events: Events, withSubgraph: boolean): Set<string> {
  const conflicted = conflictedStateSet(sets, events);
  const full = conflicted.union(authDifference(sets, events));
  return withSubgraph ? full.union(conflictedStateSubgraph(conflicted, events)) : full;
}

/** Step 1: "all power events that appear in the full conflicted set", with "the events in the auth chain of P which also belong" to it. */
export function powerEventsWithChains(full: ReadonlySet<string>, events: Events): Set<string> {
  let selected = new Set<string>();
  for (const id of full) {
    const event = events.get(id);
    if (event === undefined || !isPowerEvent(event)) continue;
    selected = selected.add(id).union(authChain(id, events).intersection(full));
  }
  return selected;
}

/** The power levels event among the auth events of an event. */
export function citedPowerLevels(event: ResolvableEvent, events: Events): ResolvableEvent | undefined {
  return authEventsOf(event, events).find((cited) => keyOf(cited) === powerLevelsKey);
}
