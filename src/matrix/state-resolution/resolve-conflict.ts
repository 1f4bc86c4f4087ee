/** Owns the choice of the algorithm, and what all of them need first. */
import { joinedKey } from '#matrix/joined-key.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { EventPool } from '#matrix/state-resolution/event-pool.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import { askUnconflicted, type Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';
import { resolveV1 } from '#matrix/state-resolution/resolve-v1.ts';
import { resolveV2 } from '#matrix/state-resolution/resolve-v2.ts';

/** A graph of nothing but holes or circles ends with the first so many of the events in conflict. */
const eventsAtOnce = 1_000;

/**
 * Resolves what states disagree on, without holding what they agree on: parts of that are asked for. The result does
 * not depend on the order of anything. Throws a ResolutionError.
 */
export function* resolveConflict(version: RoomVersion, conflict: Conflict): Asking<ResolvedConflict> {
  return yield* resolveInPool(new EventPool(version), conflict);
}

/** The same, with events that the pool has been given already or will be given meanwhile. */
export function* resolveInPool(pool: EventPool, conflict: Conflict): Asking<ResolvedConflict> {
  if (conflict.size === 0) return { entries: new Map(), considered: 0 };
  const conflicted = yield* loadConflicted(pool, conflict);
  const createKey = joinedKey('m.room.create', '');
  const [create] = yield* pool.require((yield* askUnconflicted([createKey])).values());
  pool.createId = create?.eventId;
  if (pool.version.stateResolution === 'v1') return yield* resolveV1(pool, conflict);
  return yield* resolveV2(pool, { conflict, conflicted, create });
}

/** All events in conflict, with what they cite: the first look at the graph, which finds most that is wrong with it. */
function* loadConflicted(pool: EventPool, conflict: Conflict): Asking<ReadonlyMap<string, ResolvableEvent>> {
  const conflicted = new Map<string, ResolvableEvent>();
  const load = function* (eventIds: readonly string[]): Asking<void> {
    const events = yield* pool.require(eventIds);
    yield* pool.loadParents(events);
    for (const event of events) conflicted.set(event.eventId, event);
  };
  let next: string[] = [];
  for (const eventIds of conflict.values()) {
    for (const id of eventIds) if (id !== undefined) next.push(id);
    if (next.length < eventsAtOnce) continue;
    yield* load(next);
    next = [];
  }
  yield* load(next);
  return conflicted;
}
