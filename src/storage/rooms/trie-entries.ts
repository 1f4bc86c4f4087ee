/** Owns changing and comparing entries of a state, those of a leaf or all of them. */
import type { Entry } from '#storage/rooms/trie-node.ts';

/** What differs between two states. */
export type StateChange = {
  readonly keyNid: number;
  readonly before: number | undefined;
  readonly after: number | undefined;
};

/** An entry that is set, or removed where the event is undefined. */
export type Change = readonly [keyNid: number, eventNid: number | undefined];

export function withChanges(entries: readonly Entry[], changes: readonly Change[]): readonly Entry[] {
  const changed = new Map<number, number | undefined>(entries);
  for (const [keyNid, eventNid] of changes) changed.set(keyNid, eventNid);
  const kept: Entry[] = [];
  for (const [keyNid, eventNid] of changed) if (eventNid !== undefined) kept.push([keyNid, eventNid]);
  return kept.toSorted(([left], [right]) => left - right);
}

export function withEntry(entries: readonly Entry[], keyNid: number, eventNid: number): readonly Entry[] {
  const at = entries.findIndex(([key]) => key >= keyNid);
  if (at === -1) return [...entries, [keyNid, eventNid]];
  return entries.toSpliced(at, entries[at]?.[0] === keyNid ? 1 : 0, [keyNid, eventNid]);
}

export function compareEntries(before: readonly Entry[], after: readonly Entry[], changes: StateChange[]): void {
  const old = new Map(before);
  for (const [keyNid, eventNid] of after) {
    const was = old.get(keyNid);
    if (was !== eventNid) changes.push({ keyNid, before: was, after: eventNid });
    old.delete(keyNid);
  }
  for (const [keyNid, eventNid] of old) changes.push({ keyNid, before: eventNid, after: undefined });
}
