/** Owns what the algorithms ask whoever runs them. They know neither a database nor where the agreed state is kept. */
import type { ResolvableEvent, StateSet } from '#matrix/state-resolution/resolvable-event.ts';

/** Event ids that the generator lacks. */
export type ResolutionNeed = readonly string[];

/** Events by id. One that nobody has ends the resolution: undefined, or not there. */
export type ResolutionSupply = ReadonlyMap<string, ResolvableEvent | undefined>;

export type Question =
  /** These events, by their ids. */
  | { readonly ask: 'events'; readonly eventIds: ResolutionNeed }
  /** The entries of the unconflicted state map under these keys, as far as it has them. */
  | { readonly ask: 'unconflicted'; readonly keys: readonly string[] }
  /** Which of these events are in the unconflicted state map or in the auth chain of an event there. */
  | { readonly ask: 'covered'; readonly candidates: readonly ResolvableEvent[] };

/** The part that was asked for; the others are empty. */
export type Answer = {
  readonly events: ResolutionSupply;
  readonly unconflicted: StateSet;
  readonly covered: ReadonlySet<string>;
};

export const emptyAnswer: Answer = { events: new Map(), unconflicted: new Map(), covered: new Set() };

/** A computation that asks on its way. */
export type Asking<T> = Generator<Question, T, Answer>;

export function* askUnconflicted(keys: Iterable<string>): Asking<StateSet> {
  const asked = [...new Set(keys)];
  if (asked.length === 0) return emptyAnswer.unconflicted;
  return (yield { ask: 'unconflicted', keys: asked }).unconflicted;
}

export function* askCovered(candidates: readonly ResolvableEvent[]): Asking<ReadonlySet<string>> {
  if (candidates.length === 0) return emptyAnswer.covered;
  return (yield { ask: 'covered', candidates }).covered;
}
