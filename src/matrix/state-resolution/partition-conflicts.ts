/** Owns the split of states into what they agree on and what they do not. */
import type { StateSet } from '#matrix/state-resolution/resolvable-event.ts';

/** Under each key on which the states disagree, every state's event id; undefined where the state has none. */
export type Conflict = ReadonlyMap<string, readonly (string | undefined)[]>;

export type ResolvedConflict = {
  /** The outcome under all keys outside the unconflicted state map; a conflicted key that is not here has no entry. */
  readonly entries: ReadonlyMap<string, string>;
  /** How many events were weighed: what a resolution costs grows with it. */
  readonly considered: number;
};

/** Both are new, and the caller's to change. */
export type Partition = {
  readonly unconflicted: Map<string, string>;
  readonly conflict: Map<string, readonly (string | undefined)[]>;
};

/**
 * A key is unconflicted if every state has it, with the same event. Specification: Room Version 2, "Unconflicted state
 * map and conflicted state set".
 */
export function partitionConflicts(sets: readonly StateSet[]): Partition {
  const unconflicted = new Map<string, string>();
  const conflict = new Map<string, (string | undefined)[]>();
  const [first = new Map<string, string>(), ...others] = sets;
  for (const [key, eventId] of first) {
    if (others.every((set) => set.get(key) === eventId)) unconflicted.set(key, eventId);
    else conflict.set(key, valuesAt(sets, key));
  }
  for (const set of others) {
    for (const key of set.keys()) {
      if (!first.has(key) && !conflict.has(key)) conflict.set(key, valuesAt(sets, key));
    }
  }
  return { unconflicted, conflict };
}

function valuesAt(sets: readonly StateSet[], key: string): (string | undefined)[] {
  return sets.map((set) => set.get(key));
}
