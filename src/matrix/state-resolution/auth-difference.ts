/** Owns the auth difference: the events in the auth chain of some of the states, but not of all. */
import { joinedKey } from '#matrix/joined-key.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { GenerationQueue } from '#matrix/state-resolution/generation-queue.ts';
import type { Conflict } from '#matrix/state-resolution/partition-conflicts.ts';
import { askCovered, askUnconflicted, type Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

/**
 * Walks down from the conflicted events with, at each event, the set of states whose chain it is in, until all that is
 * left is in all chains, and never below what all states have: cost is what differs. A state's chain includes its own
 * events.
 * Specification: Room Version 2, "Auth difference". Conflicted events are left out: they are in the full set anyway.
 */
export function* findAuthDifference(
  pool: EventPool,
  conflict: Conflict,
  conflicted: ReadonlyMap<string, ResolvableEvent>,
): Asking<ResolvableEvent[]> {
  const { states, all } = seedStates(conflict);
  const queue = new GenerationQueue();
  for (const event of conflicted.values()) queue.push(event);
  const queued = new Set<string>(conflicted.keys());
  /** Those in the queue that are not yet known to be in all chains: without any, the walk is over. */
  const differing = new Set<string>([...queued].filter((id) => states.get(id) !== all));
  const partial: ResolvableEvent[] = [];
  for (let events = queue.take(); events !== undefined && differing.size > 0; events = queue.take()) {
    yield* pool.loadParents(events);
    const found: ResolvableEvent[] = [];
    for (const event of events) {
      if (differing.delete(event.eventId) && !conflicted.has(event.eventId)) partial.push(event);
      const own = states.get(event.eventId) ?? all;
      for (const parent of pool.parentsOf(event)) {
        const inStates = (states.get(parent.eventId) ?? 0n) | own;
        states.set(parent.eventId, inStates);
        if (inStates === all) differing.delete(parent.eventId);
        if (queued.has(parent.eventId)) continue;
        queued.add(parent.eventId);
        found.push(parent);
      }
    }
    for (const event of yield* withoutUnconflicted(found)) {
      if (states.get(event.eventId) !== all) differing.add(event.eventId);
      queue.push(event);
    }
  }
  const covered = yield* askCovered(partial);
  return partial.filter(({ eventId }) => !covered.has(eventId));
}

/** A bit for each state, since a room may have more branches than a number has bits. */
function seedStates(conflict: Conflict): { states: Map<string, bigint>; all: bigint } {
  const states = new Map<string, bigint>();
  let all = 0n;
  for (const eventIds of conflict.values()) {
    all = (1n << BigInt(eventIds.length)) - 1n;
    let bit = 1n;
    for (const id of eventIds) {
      if (id !== undefined) states.set(id, (states.get(id) ?? 0n) | bit);
      bit <<= 1n;
    }
  }
  return { states, all };
}

function* withoutUnconflicted(events: readonly ResolvableEvent[]): Asking<ResolvableEvent[]> {
  const keyOf = (event: ResolvableEvent): string => joinedKey(event.type, event.stateKey);
  const unconflicted = yield* askUnconflicted(events.map(keyOf));
  return events.filter((event) => unconflicted.get(keyOf(event)) !== event.eventId);
}
