/** Owns the algorithm of room version 1. */
import { hash } from 'node:crypto';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { PartialState } from '#matrix/state-resolution/iterative-auth.ts';
import type { Conflict, ResolvedConflict } from '#matrix/state-resolution/partition-conflicts.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

/** The types that the auth rules look at, in the order in which their conflicts are settled. */
const passes = ['m.room.power_levels', 'm.room.join_rules', 'm.room.member'];

type Contested = { readonly type: string; readonly candidates: readonly ResolvableEvent[] };

/**
 * Specification: Room Version 1, "State resolution". An entry that only some states have is no conflict there: it is
 * part of the union. Entries of one pass do not see each other's outcome, so that no order among them is needed.
 */
export function* resolveV1(pool: EventPool, conflict: Conflict): Asking<ResolvedConflict> {
  const state = new PartialState(pool, {
    startsFrom: 'unconflicted',
    usesOwnAuthEvents: false,
    impliedCreate: undefined,
  });
  const contested: Contested[] = [];
  // All are in the pool: nothing is asked for here.
  for (const eventIds of conflict.values()) {
    const candidates = yield* pool.require(eventIds.filter((id) => id !== undefined));
    const [first, second] = candidates;
    if (first === undefined) continue;
    if (second === undefined) state.set(first);
    else contested.push({ type: first.type, candidates: candidates.toSorted(byDepth) });
  }
  yield* state.prepare(contested.flatMap(({ candidates }) => candidates));
  for (const pass of passes) {
    const settled = contested.filter(({ type }) => type === pass).map((one) => settleInTurn(state, one));
    for (const event of settled) state.set(event);
  }
  const rest = contested.filter(({ type }) => !passes.includes(type)).map((one) => pickLatest(state, one));
  for (const event of rest) if (event !== undefined) state.set(event);
  const entries = new Map([...state.resolved].map(([key, { eventId }]) => [key, eventId]));
  return { entries, considered: contested.reduce((count, { candidates }) => count + candidates.length, 0) };
}

/** The last of the candidates that each follow from the one before. Leaves the state as it was. */
function settleInTurn(state: PartialState, { candidates }: Contested): ResolvableEvent {
  const [first, ...later] = candidates;
  if (first === undefined) throw new TypeError('A conflict has candidates.');
  state.set(first);
  let accepted = first;
  for (const candidate of later) {
    if (!state.isAllowed(candidate)) break;
    state.set(candidate);
    accepted = candidate;
  }
  state.remove(first);
  return accepted;
}

/** The latest candidate that the state allows, if there is one. */
function pickLatest(state: PartialState, { candidates }: Contested): ResolvableEvent | undefined {
  return candidates.findLast((candidate) => state.isAllowed(candidate));
}

/** By ascending depth, then by descending SHA-1 of the event id. */
function byDepth(left: ResolvableEvent, right: ResolvableEvent): number {
  if (left.depth !== right.depth) return left.depth - right.depth;
  return hash('sha1', left.eventId) > hash('sha1', right.eventId) ? -1 : 1;
}
