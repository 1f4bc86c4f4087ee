/** Owns the place of a signed event in the room's graph: the state before it, its status, the head after it. */
import { authEventOf } from '#matrix/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { MatrixError } from '#matrix/error.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import { ResolutionError } from '#matrix/state-resolution/resolution-error.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import type { BranchState } from '#rooms/branches/branch-state.ts';
import { resolveBranches } from '#rooms/branches/resolve-branches.ts';
import type { UnwrittenEvent } from '#rooms/branches/resolvable-events.ts';
import { judgeEarlyRedactions, withoutRelation, type JudgedRedaction } from '#rooms/persist/early-redactions.ts';
import { referenceTo } from '#rooms/persist/event-reference.ts';
import { columnsOf, factOf, replayColumnsOf } from '#rooms/persist/event-rows.ts';
import { citesState, judgeSealed, loadCited, standsOnHead, type CitedEvent } from '#rooms/persist/judge-sealed.ts';
import {
  orderBelowAll,
  orderStep,
  type BuildParts,
  type BuiltEvent,
  type Placed,
} from '#rooms/persist/built-events.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import {
  branchesOf,
  branchesOfEntry,
  extremitiesAfter,
  type Predecessors,
  type Unwritten,
} from '#rooms/persist/predecessors.ts';
import { resolvedEntries, type ChangedEntry } from '#rooms/persist/resolved-entries.ts';
import { entryOf, type RoomView, type StateEntry } from '#rooms/persist/room-view.ts';
import type { SealedEvent } from '#rooms/persist-request.ts';
import { isJudged, isRejected, type EventStatus } from '#storage/rooms/event-status.ts';
import { findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { findArrival, findFollowerOrder, findFreeOrder, findLowestOrder } from '#storage/rooms/find-graph.ts';
import { findGapsBeforeEntry } from '#storage/rooms/gaps.ts';
import type { NewNode, NewState } from '#storage/rooms/state-tries.ts';

export type SealedPlacement =
  /** It was here before, and its judgement stands. */
  | { readonly kind: 'known'; readonly status: EventStatus }
  /** It is accepted on the head, as a draft would be. `eventNid` is that of an event that was mentioned before. */
  | {
      readonly kind: 'onHead';
      readonly eventNid: number | undefined;
      readonly earlyRedactions: readonly JudgedRedaction[];
    }
  | { readonly kind: 'placed'; readonly placed: Placed; readonly status: EventStatus; readonly standsOnHead: boolean };

/**
 * Judges the event and places it. The view's state has been completed for the event. Throws a MissingEventsError for an
 * event whose predecessors or auth events are not here, and a MatrixError where the branches cannot be resolved.
 * Specification: Server-Server API, "Checks performed on receipt of a PDU".
 */
export async function placeSealed(
  parts: BuildParts,
  sealed: SealedEvent,
  known: RoomView,
  unwritten: Unwritten,
): Promise<SealedPlacement> {
  const pdu = sealed.sealed;
  const event = authEventOf(pdu.pdu, pdu.eventId, pdu.version);
  const { place: own, isRedacted } = await findArrival(parts.database, event.eventId);
  if (own !== undefined && isJudged(own.status)) return { kind: 'known', status: own.status };
  const earlyRedactions = isRedacted ? await judgeEarlyRedactions(parts, known, event) : [];
  const entersRoom =
    sealed.entersRoom === true && (await findJoinedUsers(parts.database, known.roomNid, 1)).length === 0;
  const view = entersRoom ? { ...known, isPartial: sealed.omitted !== undefined } : known;
  const onHead = !entersRoom && standsOnHead(pdu, view);
  // A room has one create event, and it comes first.
  const isPossible = event.type !== 'm.room.create' || !hasBegun(view);
  if (onHead && isPossible && sealed.before === undefined && citesState(event, view)) {
    const verdict = checkAuth(event, view.version, (type, key) => entryOf(view, type, key)?.event, {
      verify: isJsonSignedBy,
    });
    if (verdict.allowed) return { kind: 'onHead', eventNid: own?.eventNid, earlyRedactions };
  }
  const cited = await loadCited(parts, event, view);
  const isBeginning = hasBegun(view) && entryOf(view, 'm.room.create', '')?.event.eventId === event.eventId;
  const followerOrder =
    (await findOrderAbove(parts, sealed, own?.eventNid)) ??
    (isBeginning ? await findOrderBelowAll(parts, view) : undefined);
  const isHistory = followerOrder !== undefined;
  if (!isHistory && !onHead && !entersRoom) await requireNewer(parts, event, view);
  const predecessors = entersRoom
    ? await branchesOfEntry(parts, sealed, view)
    : await branchesOf(parts, sealed, view, { isHistory, unwritten });
  const resolved = await resolve(parts, view, predecessors.branches);
  const isPartial = predecessors.branches.some((branch) => branch.isPartial);
  const before = onHead ? view : viewAt(view, resolved.root, isPartial);
  // What others here have followed already cannot soft-fail: the room's state has moved on with it, not against it.
  const isOwnState = isHistory || entersRoom;
  // The event that the room's state stands on is judged already, and older than all that is here, whenever it comes.
  const status = isBeginning
    ? 'accepted'
    : await judgeSealed(parts, { event, before, current: isOwnState ? before : view }, cited);
  const eventNid = own?.eventNid ?? (await parts.nids.reserve(1, () => parts.nids.take()));
  const isMentioned = own !== undefined;
  const placing: Placing = {
    pdu,
    event,
    eventNid,
    isMentioned,
    earlyRedactions,
    status,
    view,
    before,
    cited,
    predecessors,
    followerOrder,
    entry: entersRoom ? { omitted: sealed.omitted } : undefined,
  };
  const nodes = [...predecessors.nodes, ...(onHead ? [] : resolved.nodes)];
  const placed = await place(parts, placing, nodes);
  return { kind: 'placed', placed, status, standsOnHead: onHead && !isHistory };
}

function hasBegun({ head }: RoomView): boolean {
  return head.extremities.length > 0;
}

/** Of history: the order below which it goes, since an event is told there that follows it. */
async function findOrderAbove(
  { database }: BuildParts,
  { before }: SealedEvent,
  eventNid: number | undefined,
): Promise<number | undefined> {
  const follower = eventNid === undefined ? undefined : await findFollowerOrder(database, eventNid);
  return before === undefined || follower === undefined ? (before ?? follower) : Math.min(before, follower);
}

/**
 * Throws a MissingEventsError where the event may have come before the server did: others that are missing would tell, and history
 * must not be a branch of the room as it is now.
 */
async function requireNewer({ database }: BuildParts, event: AuthEvent, { roomNid }: RoomView): Promise<void> {
  const { depth, prev_events: prevIds } = event;
  const hiding = await findGapsBeforeEntry(database, roomNid, { depth, prevIds });
  if (hiding.length > 0) throw new MissingEventsError(hiding.map(({ eventId }) => eventId));
}

async function findOrderBelowAll({ database }: BuildParts, { roomNid }: RoomView): Promise<number | undefined> {
  const lowest = await findLowestOrder(database, roomNid);
  return lowest === undefined ? undefined : lowest - orderBelowAll;
}

type Placing = {
  readonly pdu: ValidatedPdu;
  readonly event: AuthEvent;
  readonly eventNid: number;
  readonly isMentioned: boolean;
  readonly earlyRedactions: readonly JudgedRedaction[];
  readonly status: EventStatus;
  /** The room as it is. */
  readonly view: RoomView;
  /** The room with the state before the event. */
  readonly before: RoomView;
  readonly cited: readonly CitedEvent[];
  readonly predecessors: Predecessors;
  /** Of history: where the oldest event stands that follows it here. */
  readonly followerOrder: number | undefined;
  readonly entry: BuiltEvent['entry'];
};

function viewAt(view: RoomView, root: number, isPartial: boolean): RoomView {
  if (root === view.head.root && isPartial === view.isPartial) return view;
  return { ...view, isPartial, head: { ...view.head, root }, state: new Map() };
}

async function resolve(
  parts: BuildParts,
  { roomNid, version }: RoomView,
  branches: readonly BranchState[],
  unwritten?: UnwrittenEvent,
): Promise<NewState> {
  try {
    return await resolveBranches(parts, { roomNid, version, branches, unwritten });
  } catch (error) {
    if (!(error instanceof ResolutionError)) throw error;
    throw new MatrixError('M_BAD_STATE', 'The branches of the room cannot be brought together.', {
      cause: error,
    });
  }
}

async function place(parts: BuildParts, placing: Placing, nodes: readonly NewNode[]): Promise<Placed> {
  const { pdu, event, eventNid, isMentioned, status, view, before, cited, predecessors, entry: roomEntry } = placing;
  const { state_key: stateKey } = event;
  const replaced = stateKey === undefined ? undefined : entryOf(before, event.type, stateKey);
  const authGen = stateKey === undefined ? null : 1 + Math.max(0, ...cited.map((entry) => entry.authGen));
  const row: BuiltEvent['row'] = {
    ...withoutRelation(columnsOf(parts, pdu, event, before, replaced), placing.earlyRedactions),
    ...replayColumnsOf(undefined),
    ...(placing.followerOrder !== undefined && countsForNothing),
    eventNid,
    isMentioned,
    status,
    isLive: status === 'accepted' && placing.followerOrder === undefined,
    roomOrder: status === 'accepted' ? await orderOf(parts, placing) : null,
    statePartial: before.isPartial,
    prevNids: predecessors.nids,
    authGen,
    authNids: stateKey === undefined ? [] : cited.map((entry) => entry.eventNid),
    nodes,
    membership: undefined,
    resolvedMemberships: [],
  };
  const levels = entryOf(before, 'm.room.power_levels', '')?.event;
  const { earlyRedactions } = placing;
  const hasGapBefore = predecessors.given.length > 0 && status === 'accepted';
  const none = {
    fact: undefined,
    isState: false,
    sending: 'theirs' as const,
    resolved: [],
    hasGapBefore,
    entry: roomEntry,
  };
  // States that were given are not kept for themselves.
  const leavesNodes = predecessors.given.some((root) => root !== before.head.root);
  const built: BuiltEvent = { row, event, replaced, levels, earlyRedactions, leavesNodes, ...none };
  if (!row.isLive) return { event: built, view };
  const entry: StateEntry = { eventNid, authGen: authGen ?? 0, event, reference: referenceTo(pdu) };
  return moveHead(parts, placing, { built, entry });
}

/** What counts unread events passes history over. */
const countsForNothing = { notifySeq: null, notifyStep: 0, highlighted: [], bumps: false } as const;

/** History goes into the gap below what follows it. */
async function orderOf({ database }: BuildParts, { view, followerOrder }: Placing): Promise<number> {
  if (followerOrder === undefined) return view.head.lastOrder + orderStep;
  return findFreeOrder(database, view.roomNid, followerOrder);
}

/** More entries than this are not remembered when they come: of a large room few are ever asked for. */
const rememberedMax = 1_000;

/** What is known of the state that these entries have changed. */
function knownAfter({ state }: RoomView, changes: readonly ChangedEntry[], eventNid: number): RoomView['state'] {
  if (changes.length === 0) return state;
  const isMuch = changes.length > rememberedMax;
  const known = new Map(isMuch ? [] : state);
  for (const { key, entry } of changes) {
    // The event itself cannot be read again yet.
    if (!isMuch || entry?.eventNid === eventNid) known.set(key, entry ?? null);
  }
  return known;
}

/** The room after an accepted event: its extremities, and the state that its branches make together. */
async function moveHead(
  parts: BuildParts,
  { pdu, event, eventNid, view, before, predecessors }: Placing,
  { built, entry }: { readonly built: BuiltEvent; readonly entry: StateEntry },
): Promise<Placed> {
  const { row } = built;
  const keyNid = row.keyNid ?? undefined;
  const own: BranchState = {
    root: before.head.root,
    entry: keyNid === undefined ? undefined : { keyNid, eventNid },
    isPartial: before.isPartial,
  };
  const after = extremitiesAfter(view, predecessors, { nid: eventNid, id: event.eventId, reference: entry.reference });
  const branches = [...predecessors.others, own];
  const next = await resolve(parts, view, branches, {
    eventNid,
    event: {
      eventId: event.eventId,
      type: event.type,
      stateKey: event.state_key ?? '',
      sender: event.sender,
      originServerTs: event.origin_server_ts,
      depth: event.depth,
      authEventIds: event.auth_events,
      prevEventIds: event.prev_events,
      content: event.content,
      rejected: isRejected(row.status),
      authGen: entry.authGen,
    },
  });
  const changes = await resolvedEntries(parts, view, next.root, entry);
  const isState = changes.some((change) => change.entry?.eventNid === eventNid);
  const state = knownAfter(view, changes, eventNid);
  const moved: RoomView = {
    ...view,
    state,
    head: {
      ...view.head,
      root: next.root,
      extremities: after,
      depth: Math.max(view.head.depth, event.depth),
      lastOrder: row.roomOrder ?? view.head.lastOrder,
      notifySeq: row.notifySeq ?? view.head.notifySeq,
    },
  };
  const resolved = changes.filter((change) => change.entry?.eventNid !== eventNid).map(({ resolved }) => resolved);
  const ownChange = changes.find((change) => change.entry?.eventNid === eventNid);
  const written: BuiltEvent['row'] = {
    ...row,
    nodes: [...row.nodes, ...next.nodes],
    membership: ownChange?.resolved.membership,
    resolvedMemberships: resolved.flatMap(({ membership, eventNid }) =>
      membership === undefined ? [] : [{ ...membership, eventNid }],
    ),
  };
  const members = changes.flatMap(({ resolved: { event, membership } }) =>
    membership === undefined ? [] : [{ userId: event.state_key ?? '', membership: membership.now }],
  );
  const fork = { rootBefore: view.head.root, rootAfter: next.root, hasGapBefore: built.hasGapBefore, members };
  const key = joinedKey(event.type, event.state_key ?? '');
  const replacedNow = isState ? (view.state.get(key) ?? undefined) : built.replaced;
  const fact = { ...factOf(pdu, event, before, written, built.replaced), fork };
  return { event: { ...built, row: written, fact, isState, replaced: replacedNow, resolved }, view: moved };
}
