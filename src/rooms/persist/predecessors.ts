/** Owns the branches that an event follows and those that stay open beside it. */
import { piecesOf } from '#core/pieces.ts';
import { eventIdsOf } from '#matrix/pdu.ts';
import { stateAfter, type BranchState } from '#rooms/branches/branch-state.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import type { BuildParts } from '#rooms/persist/built-events.ts';
import type { Extremity, RoomView, ViewParts } from '#rooms/persist/room-view.ts';
import { buildToldState, findToldEntries } from '#rooms/persist/told-entries.ts';
import type { SealedEvent } from '#rooms/persist-request.ts';
import { isJudged } from '#storage/rooms/event-status.ts';
import {
  findEventPlaces,
  findEventPlacesByNids,
  findKeysByNids,
  findPredecessors,
  type EventPlaceRow,
} from '#storage/rooms/find-graph.ts';
import { mentionEvents } from '#storage/rooms/mention-events.ts';
import type { NewNode, StateRoot } from '#storage/rooms/state-tries.ts';

/** Extremities that are kept, and that an event of ours follows: as many as an event may have predecessors. */
const extremitiesMax = 20;

export type Predecessors = {
  readonly nids: readonly number[];
  /** The state after each event that this one follows. */
  readonly branches: readonly BranchState[];
  /** The state after each extremity that stays one. */
  readonly others: readonly BranchState[];
  readonly remaining: readonly Extremity[];
  /** States that the caller gave, and their nodes. */
  readonly given: readonly StateRoot[];
  readonly nodes: readonly NewNode[];
};

/** Of an event that is written together with those that follow it; without the state after it nothing can. */
export type UnwrittenPlace = { readonly nid: number; readonly after: BranchState | undefined };
/** By event id. The database does not know of them. */
export type Unwritten = ReadonlyMap<string, UnwrittenPlace>;

/**
 * Throws a MissingEventsError if the state after one of the predecessors is neither known nor given. A state without its
 * members is of no use where the room has them.
 */
export async function branchesOf(
  parts: BuildParts,
  { sealed, states, omitted }: SealedEvent,
  view: RoomView,
  { isHistory, unwritten }: { readonly isHistory: boolean; readonly unwritten: Unwritten },
): Promise<Predecessors> {
  const prevIds = new Set(eventIdsOf(sealed.pdu.prev_events));
  const { extremities } = view.head;
  const unnamed = extremities.filter(({ id }) => !prevIds.has(id));
  const places = await findEventPlaces(parts.database, [...prevIds, ...unnamed.map(({ id }) => id)]);
  const followed = await findFollowed(
    parts,
    unnamed,
    [...prevIds].flatMap((id) => places.get(id) ?? []),
  );
  const remaining = unnamed.filter(({ nid }) => !followed.has(nid));
  const known = new Map<string, BranchState>();
  for (const [id, place] of places) {
    const state = place.roomNid === view.roomNid && isJudged(place.status) ? stateAfter(place) : undefined;
    if (state !== undefined) known.set(id, state);
  }
  for (const [id, { after }] of unwritten) if (after !== undefined) known.set(id, after);
  // Its state is that of the room, which need not be written yet.
  const [only, second] = extremities;
  if (only !== undefined && second === undefined) {
    known.set(only.id, { root: view.head.root, entry: undefined, isPartial: view.isPartial });
  }
  const unknown = [...prevIds].filter((id) => !known.has(id));
  const isUseless = omitted !== undefined && !view.isPartial;
  const missing = unknown.filter((id) => isUseless || states?.has(id) !== true);
  if (missing.length > 0) throw new MissingEventsError(missing);
  const nodes: NewNode[] = [];
  // History keeps what it is given: it does not become part of the room's state.
  const kind = omitted !== undefined ? 'partial' : view.isPartial && !isHistory ? 'reduced' : 'whole';
  const told = await givenBranches(parts, view, { eventIds: unknown, states, kind }, nodes);
  for (const [id, branch] of told) known.set(id, branch);
  const given = [...told.values()].map(({ root }) => root);
  const nids = await nidsOf(parts, view, [...prevIds], places, unwritten);
  const branchAfter = (id: string): BranchState => {
    const branch = known.get(id);
    if (branch === undefined) throw new Error(`The state after the extremity ${id} is not known.`);
    return branch;
  };
  return {
    nids,
    branches: [...prevIds].map(branchAfter),
    others: remaining.map(({ id }) => branchAfter(id)),
    remaining,
    given,
    nodes,
  };
}

/** Of the event by which the server comes into the room: what was here before counts for nothing. */
export async function branchesOfEntry(
  parts: BuildParts,
  { sealed, states, omitted }: SealedEvent,
  view: RoomView,
): Promise<Predecessors> {
  const prevIds = [...new Set(eventIdsOf(sealed.pdu.prev_events))];
  const missing = prevIds.filter((id) => states?.has(id) !== true);
  if (missing.length > 0) throw new MissingEventsError(missing);
  const nodes: NewNode[] = [];
  const told = { eventIds: prevIds, states, kind: omitted === undefined ? ('whole' as const) : ('partial' as const) };
  const branches = [...(await givenBranches(parts, view, told, nodes)).values()];
  const nids = await nidsOf(parts, view, prevIds, await findEventPlaces(parts.database, prevIds), new Map());
  return { nids, branches, others: [], remaining: [], given: branches.map(({ root }) => root), nodes };
}

/** Events without acceptance that are walked through; a longer chain of them leaves an extremity too many. */
const passedMax = 1_000;

/**
 * The extremities that the event follows through events which were not accepted: those ended no branch when they came,
 * but do so when something follows them.
 */
async function findFollowed(
  { database }: ViewParts,
  unnamed: readonly Extremity[],
  prevs: readonly EventPlaceRow[],
): Promise<ReadonlySet<number>> {
  const open = new Set(unnamed.map(({ nid }) => nid));
  const followed = new Set<number>();
  const passed = new Set(prevs.filter(({ status }) => status !== 'accepted').map(({ eventNid }) => eventNid));
  let wanted = [...passed];
  while (wanted.length > 0 && followed.size < open.size && passed.size < passedMax) {
    const next: number[] = [];
    for (const { eventNid, status } of await findPredecessors(database, wanted)) {
      if (open.has(eventNid)) followed.add(eventNid);
      if (status === 'accepted' || passed.has(eventNid)) continue;
      passed.add(eventNid);
      next.push(eventNid);
    }
    wanted = next;
  }
  return followed;
}

type ToldStates = {
  readonly eventIds: readonly string[];
  readonly states: SealedEvent['states'];
  /**
   * `partial`: members were left out of what was told. `reduced`: of members only those are taken over who are known in the
   * room already, as it lacks the others: with all of them on one branch, each would be a conflict with the others.
   */
  readonly kind: 'whole' | 'partial' | 'reduced';
};

/** The states after these events, as they were told. One that was told of several is made once. */
async function givenBranches(
  parts: ViewParts,
  view: RoomView,
  { eventIds, states, kind }: ToldStates,
  nodes: NewNode[],
): Promise<ReadonlyMap<string, BranchState>> {
  const made = new Map<readonly string[], BranchState>();
  const branches = new Map<string, BranchState>();
  for (const id of eventIds) {
    const told = states?.get(id);
    if (told === undefined) continue;
    const branch = made.get(told) ?? (await givenBranch(parts, view, { eventIds: told, kind }, nodes));
    made.set(told, branch);
    branches.set(id, branch);
  }
  return branches;
}

/** Members of a state that are looked up at once. */
const placesAtOnce = 1_000;

/** A state that another server told, of events that are all here. */
async function givenBranch(
  parts: ViewParts,
  { roomNid, head }: RoomView,
  { eventIds, kind }: { readonly eventIds: readonly string[]; readonly kind: ToldStates['kind'] },
  nodes: NewNode[],
): Promise<BranchState> {
  const { database, tries } = parts;
  const told = await findToldEntries(database, roomNid, eventIds);
  const present = await tries.entries(database, roomNid, head.root);
  if (kind === 'reduced') for (const keyNid of await findNewMembers(database, told, present)) told.delete(keyNid);
  const state = await buildToldState(parts, { roomNid, root: head.root, entries: present }, told);
  nodes.push(...state.nodes);
  return { root: state.root, entry: undefined, isPartial: kind !== 'whole' };
}

/** The keys of members of a told state whom the room's state lacks, and of whom nothing else has been heard. */
async function findNewMembers(
  database: ViewParts['database'],
  told: ReadonlyMap<number, number>,
  present: readonly (readonly [keyNid: number, eventNid: number])[],
): Promise<number[]> {
  const known = new Set(present.map(([keyNid]) => keyNid));
  const fresh = [...told].filter(([keyNid]) => !known.has(keyNid));
  const found: number[] = [];
  for (const some of piecesOf(fresh, placesAtOnce)) {
    const [keys, places] = await Promise.all([
      findKeysByNids(
        database,
        some.map(([keyNid]) => keyNid),
      ),
      findEventPlacesByNids(
        database,
        some.map(([, eventNid]) => eventNid),
      ),
    ]);
    const unplaced = new Set(places.filter(({ status }) => !isJudged(status)).map(({ eventNid }) => eventNid));
    for (const [keyNid, eventNid] of some) {
      if (keys.get(keyNid)?.[0] === 'm.room.member' && unplaced.has(eventNid)) found.push(keyNid);
    }
  }
  return found;
}

/** Predecessors whose state was given may never have been heard of: they are mentioned now. */
async function nidsOf(
  parts: BuildParts,
  { roomNid, head }: RoomView,
  prevIds: readonly string[],
  places: ReadonlyMap<string, EventPlaceRow>,
  unwritten: Unwritten,
): Promise<number[]> {
  const known = new Map(head.extremities.map(({ id, nid }) => [id, nid]));
  for (const [id, { nid }] of unwritten) known.set(id, nid);
  for (const [id, { eventNid }] of places) known.set(id, eventNid);
  const unmentioned = prevIds.filter((id) => !known.has(id));
  for (const [id, nid] of await mentionEvents(parts, roomNid, unmentioned)) known.set(id, nid);
  return prevIds.flatMap((id) => known.get(id) ?? []);
}

/**
 * The newest first. Beyond the limit the oldest are given up: they stay in the graph, but neither our events nor the
 * room's state follow them any more.
 */
export function extremitiesAfter(view: RoomView, { remaining }: Predecessors, own: Extremity): readonly Extremity[] {
  return [own, ...remaining].slice(0, extremitiesMax);
}
