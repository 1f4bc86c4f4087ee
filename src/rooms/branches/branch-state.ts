/** Owns the state at the end of one branch: a stored state, and perhaps one entry that has no trie of its own yet. */
import type { ReadTx } from '#storage/database.ts';
import type { EventPlaceRow } from '#storage/rooms/find-graph.ts';
import { isRejected } from '#storage/rooms/event-status.ts';
import type { StateRoot, StateTries } from '#storage/rooms/state-tries.ts';
import type { StateChange } from '#storage/rooms/trie-entries.ts';

export type BranchState = {
  readonly root: StateRoot;
  /** Set on top of the root: what the branch's last event did to the state. */
  readonly entry: { readonly keyNid: number; readonly eventNid: number } | undefined;
  /** Whether the state lacks members that have not been fetched yet. */
  readonly isPartial: boolean;
};

export type TrieParts = { readonly database: ReadTx; readonly tries: StateTries };

/**
 * The state after an event; undefined while the one before it is not known. A rejected event changes nothing, a
 * soft-failed one does: only its descendants see it. Specification: Server-Server API, "Rejection" and "Soft failure".
 */
export function stateAfter({
  status,
  stateBefore,
  statePartial,
  keyNid,
  eventNid,
}: EventPlaceRow): BranchState | undefined {
  if (stateBefore === undefined) return undefined;
  const isChanged = keyNid !== undefined && !isRejected(status);
  return { root: stateBefore, entry: isChanged ? { keyNid, eventNid } : undefined, isPartial: statePartial };
}

export async function findInBranch(
  { database, tries }: TrieParts,
  roomNid: number,
  { root, entry }: BranchState,
  keyNid: number,
): Promise<number | undefined> {
  return entry?.keyNid === keyNid ? entry.eventNid : tries.find(database, roomNid, root, keyNid);
}

/** What differs between two branches; reads only the nodes that differ. */
export async function diffBranches(
  parts: TrieParts,
  roomNid: number,
  before: BranchState,
  after: BranchState,
): Promise<readonly StateChange[]> {
  const changes = await parts.tries.diff(parts.database, roomNid, before.root, after.root);
  const own = new Set([before.entry?.keyNid, after.entry?.keyNid]);
  const others = changes.filter(({ keyNid }) => !own.has(keyNid));
  for (const keyNid of own) {
    if (keyNid === undefined) continue;
    const change = {
      keyNid,
      before: await findInBranch(parts, roomNid, before, keyNid),
      after: await findInBranch(parts, roomNid, after, keyNid),
    };
    if (change.before !== change.after) others.push(change);
  }
  return others;
}
