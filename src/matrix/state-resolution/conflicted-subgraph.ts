/** Owns the conflicted state subgraph, which version 12 adds to what is resolved. */
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { lowestGeneration, walkAuthChains } from '#matrix/state-resolution/generation-queue.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

/**
 * All events on a path of auth events from one conflicted event to another. Only generations between the two can hold
 * them, so nothing below the oldest conflicted event is walked.
 * Specification: Room Version 12, "Conflicted state subgraph".
 */
export function* findConflictedSubgraph(
  pool: EventPool,
  conflicted: ReadonlyMap<string, ResolvableEvent>,
): Asking<ResolvableEvent[]> {
  const generationMin = lowestGeneration(conflicted.values());
  const walked = yield* walkAuthChains(pool, conflicted.values(), generationMin);
  yield* pool.loadParents(walked.filter(({ authGen }) => authGen > generationMin));
  const reaching = new Set<string>(conflicted.keys());
  // Cited before citing, so that what an event reaches is known when it comes.
  return walked.toReversed().filter((event) => {
    const isOnPath =
      reaching.has(event.eventId) ||
      (event.authGen > generationMin && pool.parentsOf(event).some(({ eventId }) => reaching.has(eventId)));
    if (isOnPath) reaching.add(event.eventId);
    return isOnPath;
  });
}
