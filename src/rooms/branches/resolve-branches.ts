/** Owns the resolution of a room's branches into one state, over tries and the database. */
import { joinedKey, splitKey } from '#matrix/joined-key.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { emptyAnswer, type Answer, type Question } from '#matrix/state-resolution/question.ts';
import { ResolutionError, STATE_SETS_MAX } from '#matrix/state-resolution/resolution-error.ts';
import { diffBranches, findInBranch, type BranchState, type TrieParts } from '#rooms/branches/branch-state.ts';
import { findCovered } from '#rooms/branches/find-covered.ts';
import { ResolvableEvents, type Restated, type UnwrittenEvent } from '#rooms/branches/resolvable-events.ts';
import { runResolution } from '#rooms/branches/run-resolution.ts';
import type { Interned } from '#storage/interned.ts';
import { findKeysByNids } from '#storage/rooms/find-graph.ts';
import type { NewState } from '#storage/rooms/state-tries.ts';

export type BranchParts = TrieParts & { readonly interned: Interned };

export type BranchesOfRoom = {
  readonly roomNid: number;
  readonly version: RoomVersion;
  /** At least one; the result shares most of its nodes with the first. */
  readonly branches: readonly BranchState[];
  readonly unwritten?: UnwrittenEvent | undefined;
  readonly restated?: Restated | undefined;
};

/**
 * One state out of those of several branches, with the nodes that it needs and nobody has written. Throws a
 * ResolutionError when the states differ by more than can be worked through.
 */
export async function resolveBranches(parts: BranchParts, room: BranchesOfRoom): Promise<NewState> {
  const { roomNid, branches } = room;
  const [first, ...others] = distinct(branches);
  if (first === undefined) return { root: 0, nodes: [] };
  if (branches.length > STATE_SETS_MAX) throw new ResolutionError('too-many-states', 'The room has too many branches.');
  const conflict = await findConflict(parts, roomNid, first, others);
  const changes = new Map<number, number | undefined>();
  if (first.entry !== undefined) changes.set(first.entry.keyNid, first.entry.eventNid);
  if (conflict.size > 0) {
    for (const [keyNid, eventNid] of await resolveConflicted(parts, room, first, conflict))
      changes.set(keyNid, eventNid);
  }
  if (changes.size === 0) return { root: first.root, nodes: [] };
  return parts.tries.update(parts.database, roomNid, first.root, changes);
}

function distinct(branches: readonly BranchState[]): BranchState[] {
  const seen = new Map(branches.map((branch) => [`${branch.root} ${branch.entry?.eventNid}`, branch]));
  return [...seen.values()];
}

/** By key, the event of each branch; only keys on which they differ. */
type NidConflict = ReadonlyMap<number, readonly (number | undefined)[]>;

async function findConflict(
  parts: TrieParts,
  roomNid: number,
  first: BranchState,
  others: readonly BranchState[],
): Promise<NidConflict> {
  const values = new Map<number, (number | undefined)[]>();
  for (const [index, other] of others.entries()) {
    for (const { keyNid, before, after } of await diffBranches(parts, roomNid, first, other)) {
      let row = values.get(keyNid);
      if (row === undefined) values.set(keyNid, (row = [before, ...others.map(() => before)]));
      row[index + 1] = after;
    }
  }
  return values;
}

/** The outcome under every key that is conflicted or in no state. */
async function resolveConflicted(
  parts: BranchParts,
  { roomNid, version, unwritten, restated }: BranchesOfRoom,
  base: BranchState,
  conflict: NidConflict,
): Promise<ReadonlyMap<number, number | undefined>> {
  const { database, interned } = parts;
  const events = new ResolvableEvents({ database, roomNid, version, restated }, unwritten);
  await events.loadNids([...conflict.values()].flat().filter((nid) => nid !== undefined));
  const keys = await findKeysByNids(database, [...conflict.keys()]);
  const named = new Map<string, readonly (string | undefined)[]>();
  for (const [keyNid, nids] of conflict) {
    const [type, stateKey] = keys.get(keyNid) ?? [];
    if (type === undefined || stateKey === undefined) throw new Error(`The state key ${keyNid} is missing.`);
    const ids = nids.map((nid) => (nid === undefined ? undefined : events.idOf(nid)));
    named.set(joinedKey(type, stateKey), ids);
  }
  const answers = new BranchAnswers(parts, { roomNid, base, conflict, events });
  const { entries } = await runResolution(version, named, (question) => answers.answer(question));
  const resolved = new Map<number, number | undefined>([...conflict.keys()].map((keyNid) => [keyNid, undefined]));
  const found = [...entries.values()].map((eventId) => {
    const event = events.find(eventId);
    if (event === undefined) throw new Error(`The event ${eventId} was not loaded.`);
    return event;
  });
  await interned.internKeys(found.map((event) => [event.type, event.stateKey]));
  for (const event of found) {
    const keyNid = interned.knownKey(event.type, event.stateKey);
    if (keyNid === undefined) throw new Error('internKeys() was not awaited.');
    resolved.set(keyNid, events.nidOf(event.eventId));
  }
  return resolved;
}

type ConflictedRoom = {
  readonly roomNid: number;
  readonly base: BranchState;
  readonly conflict: NidConflict;
  readonly events: ResolvableEvents;
};

/** Answers from the database what the resolution asks. The unconflicted state is what the base has outside the conflict. */
class BranchAnswers {
  readonly #parts: BranchParts;
  readonly #room: ConflictedRoom;

  constructor(parts: BranchParts, room: ConflictedRoom) {
    this.#parts = parts;
    this.#room = room;
  }

  async answer(question: Question): Promise<Answer> {
    const { events } = this.#room;
    if (question.ask === 'events') return { ...emptyAnswer, events: await events.load(question.eventIds) };
    if (question.ask === 'unconflicted') return { ...emptyAnswer, unconflicted: await this.#entriesAt(question.keys) };
    const nids = question.candidates.map(({ eventId }) => events.nidOf(eventId));
    const covered = await findCovered(this.#parts.database, nids, async ({ eventNid, keyNid }) => {
      return (await this.#unconflictedAt(keyNid)) === eventNid;
    });
    const ids = [...covered].map((nid) => events.idOf(nid)).filter((id) => id !== undefined);
    return { ...emptyAnswer, covered: new Set(ids) };
  }

  async #unconflictedAt(keyNid: number): Promise<number | undefined> {
    const { roomNid, base, conflict } = this.#room;
    return conflict.has(keyNid) ? undefined : findInBranch(this.#parts, roomNid, base, keyNid);
  }

  async #entriesAt(keys: readonly string[]): Promise<ReadonlyMap<string, string>> {
    const { interned } = this.#parts;
    const pairs = keys.map(splitKey);
    await interned.lookUpKeys(pairs);
    const found = new Map<string, number>();
    for (const [index, [type, stateKey]] of pairs.entries()) {
      const keyNid = interned.knownKey(type, stateKey);
      const eventNid = keyNid === undefined ? undefined : await this.#unconflictedAt(keyNid);
      const key = keys[index];
      if (eventNid !== undefined && key !== undefined) found.set(key, eventNid);
    }
    const { events } = this.#room;
    await events.loadNids(found.values());
    const entries = new Map<string, string>();
    for (const [key, nid] of found) {
      const id = events.idOf(nid);
      if (id !== undefined) entries.set(key, id);
    }
    return entries;
  }
}
