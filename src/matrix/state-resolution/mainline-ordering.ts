/** Owns the mainline ordering: the order of events that take nobody's abilities away. */
import { compareCodePoints } from '#matrix/canonical-json.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import { isNamed, type ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

/**
 * Orders events by how far up the mainline of `powerLevels` the power levels stand that they were sent under, oldest
 * first. Specification: Room Version 2, "Mainline ordering".
 */
export function* sortByMainline(
  pool: EventPool,
  events: readonly ResolvableEvent[],
  powerLevels: ResolvableEvent | undefined,
): Asking<ResolvableEvent[]> {
  const positions = new Map<string, number>();
  for (let next = powerLevels; next !== undefined; next = yield* citedPowerLevels(pool, next)) {
    positions.set(next.eventId, positions.size);
  }
  yield* pool.loadParents(events);
  const placed: { readonly event: ResolvableEvent; readonly position: number }[] = [];
  for (const event of events) placed.push({ event, position: yield* positionOf(pool, event, positions) });
  return placed
    .toSorted((left, right) => {
      if (left.position !== right.position) return left.position > right.position ? -1 : 1;
      const order = left.event.originServerTs - right.event.originServerTs;
      return order !== 0 ? order : compareCodePoints(left.event.eventId, right.event.eventId);
    })
    .map(({ event }) => event);
}

/** What is found is remembered for all on the way, so that shared chains are walked once. */
function* positionOf(pool: EventPool, event: ResolvableEvent, positions: Map<string, number>): Asking<number> {
  const passed: string[] = [];
  let next = yield* citedPowerLevels(pool, event);
  while (next !== undefined && !positions.has(next.eventId)) {
    passed.push(next.eventId);
    next = yield* citedPowerLevels(pool, next);
  }
  const position = next === undefined ? Infinity : (positions.get(next.eventId) ?? Infinity);
  for (const eventId of passed) positions.set(eventId, position);
  return position;
}

function* citedPowerLevels(pool: EventPool, event: ResolvableEvent): Asking<ResolvableEvent | undefined> {
  yield* pool.loadParents([event]);
  return pool.parentsOf(event).find((parent) => isNamed(parent, 'm.room.power_levels'));
}
