/** Owns state resolution over whole states: one state out of those of several branches. */
import type { RoomVersion } from '#matrix/room-versions.ts';
import { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { lowestGeneration, walkAuthChains } from '#matrix/state-resolution/generation-queue.ts';
import { partitionConflicts } from '#matrix/state-resolution/partition-conflicts.ts';
import {
  emptyAnswer,
  type Answer,
  type Asking,
  type Question,
  type ResolutionNeed,
  type ResolutionSupply,
} from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolvable-event.ts';
import { ResolutionError, STATE_SETS_MAX } from '#matrix/state-resolution/resolution-error.ts';
import { resolveInPool } from '#matrix/state-resolution/resolve-conflict.ts';

export type { ResolutionNeed, ResolutionSupply } from '#matrix/state-resolution/question.ts';
export type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolvable-event.ts';

export type ResolvedState = { readonly state: StateSet; readonly considered: number };

/**
 * Resolves states by the algorithm of the room version; yields the ids of events that it lacks, each once. The result
 * does not depend on the order of states or entries. Throws a ResolutionError for more than the limits allow, for an
 * event that nobody has and for auth events in a circle. Specification: Room Versions, "State resolution".
 */
export function* resolveState(
  version: RoomVersion,
  sets: readonly StateSet[],
): Generator<ResolutionNeed, ResolvedState, ResolutionSupply> {
  const distinct = [...new Set(sets)];
  if (distinct.length > STATE_SETS_MAX) {
    throw new ResolutionError('too-many-states', `More than ${STATE_SETS_MAX} states are to be resolved at once.`);
  }
  const { unconflicted: state, conflict } = partitionConflicts(distinct);
  const pool = new EventPool(version);
  const resolving = resolveInPool(pool, conflict);
  let step = resolving.next();
  while (step.done !== true) step = resolving.next(yield* answerFrom(state, pool, step.value));
  for (const [key, eventId] of step.value.entries) state.set(key, eventId);
  return { state, considered: step.value.considered };
}

/** Answers from the unconflicted state map what it can, and passes on only what nobody but the caller knows. */
function* answerFrom(
  unconflicted: StateSet,
  pool: EventPool,
  question: Question,
): Generator<ResolutionNeed, Answer, ResolutionSupply> {
  if (question.ask === 'events') return { ...emptyAnswer, events: yield question.eventIds };
  if (question.ask === 'unconflicted') return { ...emptyAnswer, unconflicted: entriesAt(unconflicted, question.keys) };
  const walk = findCovered(pool, unconflicted, question.candidates);
  let step = walk.next();
  while (step.done !== true) {
    if (step.value.ask !== 'events') throw new TypeError('A walk asks for events only.');
    step = walk.next({ ...emptyAnswer, events: yield step.value.eventIds });
  }
  return { ...emptyAnswer, covered: step.value };
}

function entriesAt(state: StateSet, keys: readonly string[]): StateSet {
  const found = new Map<string, string>();
  for (const key of keys) {
    const eventId = state.get(key);
    if (eventId !== undefined) found.set(key, eventId);
  }
  return found;
}

/** Whatever of the unconflicted events' auth chains is not older than the candidates. */
function* findCovered(
  pool: EventPool,
  unconflicted: StateSet,
  candidates: readonly ResolvableEvent[],
): Asking<ReadonlySet<string>> {
  const from = yield* pool.require(unconflicted.values());
  const walked = yield* walkAuthChains(pool, from, lowestGeneration(candidates));
  const wanted = new Set(candidates.map(({ eventId }) => eventId));
  return new Set(walked.filter(({ eventId }) => wanted.has(eventId)).map(({ eventId }) => eventId));
}
