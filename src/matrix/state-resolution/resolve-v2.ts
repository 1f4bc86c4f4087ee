/** Owns the algorithm of room versions 2 and later, as a sequence of its steps. */
import { findAuthDifference } from '#matrix/state-resolution/auth-difference.ts';
import { findConflictedSubgraph } from '#matrix/state-resolution/conflicted-subgraph.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { applyAllowed, PartialState } from '#matrix/state-resolution/iterative-auth.ts';
import { sortByMainline } from '#matrix/state-resolution/mainline-ordering.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import { selectPowerEvents, sortByPower } from '#matrix/state-resolution/power-ordering.ts';
import { askUnconflicted, type Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

type Resolving = {
  readonly conflict: Conflict;
  /** Its events by id, in the pool with what they cite. */
  readonly conflicted: ReadonlyMap<string, ResolvableEvent>;
  readonly create: ResolvableEvent | undefined;
};

/** Specification: Room Versions 2 and 12, "State resolution", "Algorithm". */
export function* resolveV2(pool: EventPool, resolving: Resolving): Asking<ResolvedConflict> {
  const { create } = resolving;
  const isVersion21 = pool.version.stateResolution === 'v2.1';
  const full = yield* findFullConflictedSet(pool, resolving, isVersion21);
  const state = new PartialState(pool, {
    startsFrom: isVersion21 ? 'nothing' : 'unconflicted',
    usesOwnAuthEvents: true,
    impliedCreate: pool.version.roomIdIsCreateHash ? create : undefined,
  });
  const powerEvents = yield* selectPowerEvents(pool, full);
  yield* applyAllowed(state, yield* sortByPower(pool, powerEvents, create));

  const others = new Map(full);
  for (const { eventId } of powerEvents) others.delete(eventId);
  const powerLevels = state.find('m.room.power_levels', '');
  yield* applyAllowed(state, yield* sortByMainline(pool, [...others.values()], powerLevels));

  const unconflicted = yield* askUnconflicted(state.resolved.keys());
  const entries = new Map<string, string>();
  for (const [key, { eventId }] of state.resolved) if (!unconflicted.has(key)) entries.set(key, eventId);
  return { entries, considered: full.size };
}

function* findFullConflictedSet(
  pool: EventPool,
  { conflict, conflicted }: Resolving,
  withSubgraph: boolean,
): Asking<ReadonlyMap<string, ResolvableEvent>> {
  const full = new Map(conflicted);
  for (const event of yield* findAuthDifference(pool, conflict, conflicted)) full.set(event.eventId, event);
  if (!withSubgraph) return full;
  for (const event of yield* findConflictedSubgraph(pool, conflicted)) full.set(event.eventId, event);
  return full;
}
