/** Owns turning a request into signed, authorised events with rows, standing on a view of the room. */
import { randomString } from '#core/random.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { buildEvent } from '#matrix/build-event.ts';
import { MatrixError } from '#matrix/error.ts';
import type { AuthEvent, Pdu } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { withoutRelation, type JudgedRedaction } from '#rooms/persist/early-redactions.ts';
import { referenceTo } from '#rooms/persist/event-reference.ts';
import { authStateOf, completeView, emptyHead, entryOf, knowsState } from '#rooms/persist/room-view.ts';
import type { Head, RoomView, StateEntry } from '#rooms/persist/room-view.ts';
import type { DraftEvent, PersistRequest, SealedEvent } from '#rooms/persist-request.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import type { EventRow } from '#storage/rooms/persist-columns.ts';
import type { NewNode } from '#storage/rooms/state-tries.ts';
import {
  orderStep,
  type BuildParts,
  type BuiltEvent,
  type BuiltEvents,
  type Outcome,
  type Placed,
  type Sending,
} from '#rooms/persist/built-events.ts';
import { columnsOf, factOf, replayColumnsOf } from '#rooms/persist/event-rows.ts';
import { stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { UnknownMembersError } from '#rooms/persist/unknown-members.ts';
import { placeOnHead } from '#rooms/persist/place-on-head.ts';
import { placeSealed } from '#rooms/persist/place-sealed.ts';
import type { UnwrittenPlace } from '#rooms/persist/predecessors.ts';
import { redactsOf } from '#rooms/persist/room-lane.ts';

/** A view for a room that does not exist yet; its id is known when its create event has been built. */
export function newRoomView(version: RoomView['version'], roomNid: number, serverName: string): RoomView {
  const roomId = version.roomIdIsCreateHash ? '' : `!${randomString(18, idAlphabet)}:${serverName}`;
  return { roomNid, roomId, version, head: emptyHead, isPartial: false, state: new Map() };
}
const idAlphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Builds the request's events one upon the other. The view handed in keeps its head;
 * its state entries move with the answer's view, and back again if the request is refused. Throws `MatrixError` when an event is
 * refused.
 */
export async function buildRequest(parts: BuildParts, base: RoomView, request: PersistRequest): Promise<BuiltEvents> {
  const undo: Undo[] = [];
  try {
    return await buildAll(parts, base, request, undo);
  } catch (error) {
    for (const { key, was } of undo.reverse()) base.state.set(key, was);
    throw error;
  }
}

/** How to take back what an event of a refused request did to the view's state, which all views of a room share. */
type Undo = { readonly key: string; readonly was: StateEntry | null };

async function buildAll(
  parts: BuildParts,
  base: RoomView,
  request: PersistRequest,
  undo: Undo[],
): Promise<BuiltEvents> {
  const events: BuiltEvent[] = [];
  const outcomes: Outcome[] = [];
  let view = base;
  let isAlone = false;
  const isHistory = request.events.every((event) => 'sealed' in event && event.before !== undefined);
  const unwritten = new Map<string, UnwrittenPlace>();
  for (const draft of request.events) {
    const pending = 'sealed' in draft ? draftOf(draft) : draft;
    const target = redactsOf(draft);
    if (target !== undefined && outcomes.some(({ eventId }) => eventId === target)) {
      throw new MatrixError('M_BAD_STATE', redactedTogether);
    }
    const keys = stateKeysFor(pending, view.version);
    if (!knowsState(view, keys)) await completeView(parts, view, keys);
    if (!('sealed' in draft)) assertMembersKnown(view, draft, keys);
    let arrival: Arrival = { eventNid: undefined, earlyRedactions: [] };
    if ('sealed' in draft) {
      const placement = await placeSealed(parts, draft, view, unwritten);
      if (placement.kind !== 'onHead') {
        outcomes.push({ eventId: draft.sealed.eventId, status: placement.status });
        if (placement.kind === 'known') continue;
        isAlone ||= !placement.standsOnHead;
        if (isAlone && request.events.length > 1 && !isHistory) throw new MatrixError('M_BAD_STATE', aloneOnOldHead);
        const { event } = placement.placed;
        events.push({ ...event, sending: sendingOf(draft) });
        if (isHistory) unwritten.set(draft.sealed.eventId, unwrittenPlaceOf(event.row));
        view = placement.placed.view;
        continue;
      }
      arrival = placement;
    }
    const sealed = 'sealed' in draft ? draft.sealed : signDraft(parts, pending, view);
    const { type, state_key: stateKey } = pending;
    // Before it is placed: whatever fails from here on must not leave its entry behind.
    if (stateKey !== undefined) {
      undo.push({ key: joinedKey(type, stateKey), was: entryOf(view, type, stateKey) ?? null });
    }
    const replay = events.length === 0 ? request.replay : undefined;
    const built = await placeEvent(parts, { sealed, arrival, replay, sending: sendingOf(draft) }, view);
    outcomes.push({ eventId: built.event.event.eventId, status: 'accepted' });
    events.push(built.event);
    view = built.view;
  }
  return { events, outcomes, view, changed: view.head.root !== base.head.root, isAlone };
}

/**
 * An event of ours about somebody of whom nobody knows yet whether they are in the room waits until that is known. Of the
 * sender it is known: users of this server are in the room by what happened here.
 */
function assertMembersKnown(
  view: RoomView,
  { type, sender, state_key }: DraftEvent,
  keys: readonly TypeAndKey[],
): void {
  if (!view.isPartial) return;
  const isOwn = type === 'm.room.member' && state_key === sender;
  const isUnknown = keys.some(
    ([keyType, userId]) =>
      keyType === 'm.room.member' && (userId !== sender || isOwn) && entryOf(view, keyType, userId) === undefined,
  );
  if (isUnknown) throw new UnknownMembersError(view.roomNid);
}

/** Of history a state event may be the last only: what follows would have to be judged by it. */
function unwrittenPlaceOf({ eventNid, stateBefore, statePartial: isPartial, keyNid }: EventRow): UnwrittenPlace {
  const after = keyNid === null ? { root: stateBefore, entry: undefined, isPartial } : undefined;
  return { nid: eventNid, after };
}

const redactedTogether = 'A redaction must come after what it redacts, not with it.';
const aloneOnOldHead = "An event that does not follow the room's newest events must come alone.";

/** Columns cannot hold U+0000, and no client has a use for it in a type or a state key. */
function refuseNul({ type, sender, state_key: stateKey }: Pick<Pdu, 'type' | 'sender' | 'state_key'>): void {
  if (type.includes('\0') || sender.includes('\0') || stateKey?.includes('\0') === true) {
    throw new MatrixError('M_INVALID_PARAM', 'The event type and the state key must not contain U+0000.');
  }
}

function sendingOf(event: DraftEvent | SealedEvent): Sending {
  if (!('sealed' in event)) return 'ours';
  return event.relay === true ? 'relayed' : 'theirs';
}

function draftOf({ sealed }: SealedEvent): DraftEvent {
  const { sender, type, content, state_key } = sealed.pdu;
  return { sender, type, content, ...(state_key === undefined ? {} : { state_key }) };
}

/**
 * Makes the numeric ids that the request's events need. It may start before the request's turn has come, so that many
 * requests share its statements.
 */
export async function internNames({ interned }: Pick<BuildParts, 'interned'>, request: PersistRequest): Promise<void> {
  const users: string[] = [];
  const keys: TypeAndKey[] = [];
  for (const event of request.events) {
    const draft = 'sealed' in event ? event.sealed.pdu : event;
    refuseNul(draft);
    const { sender, type, state_key: stateKey } = draft;
    users.push(sender);
    if (stateKey === undefined) continue;
    keys.push([type, stateKey]);
    if (type === 'm.room.member') users.push(stateKey);
  }
  await Promise.all([interned.internUsers(users), interned.internKeys(keys)]);
}

function signDraft({ clock, signer, nextCreationTs }: BuildParts, draft: DraftEvent, view: RoomView): ValidatedPdu {
  const isNewHashRoom = draft.type === 'm.room.create' && view.version.roomIdIsCreateHash;
  const verdict = buildEvent(isNewHashRoom ? draft : { ...draft, room_id: view.roomId }, {
    version: view.version,
    ...placeOnHead(view, draft),
    originServerTs: isNewHashRoom ? nextCreationTs() : clock.now(),
    signer,
    ...(view.version.eventId === 'in-pdu' && { eventId: `$${randomString(32, idAlphabet)}:${signer.serverName}` }),
  });
  if (!verdict.ok)
    throw new MatrixError(verdict.reason === 'too-large' ? 'M_TOO_LARGE' : 'M_BAD_JSON', verdict.message);
  return verdict.event;
}

/** What was known of an event before it came. */
type Arrival = { readonly eventNid: number | undefined; readonly earlyRedactions: readonly JudgedRedaction[] };

type Placeable = {
  readonly sealed: ValidatedPdu;
  readonly arrival: Arrival;
  readonly replay: PersistRequest['replay'];
  readonly sending: Sending;
};

/** Authorises the event against the view's state and gives it its row, its fact, and the view that follows. */
async function placeEvent(parts: BuildParts, placeable: Placeable, view: RoomView): Promise<Placed> {
  const { sealed, arrival, replay, sending } = placeable;
  const event = authEventOf(sealed.pdu, sealed.eventId, view.version);
  const verdict = checkAuth(event, view.version, authStateOf(view), { verify: isJsonSignedBy });
  if (!verdict.allowed) throw new MatrixError(verdict.isMalformed ? 'M_BAD_JSON' : 'M_FORBIDDEN', verdict.reason);
  const authEntries = selectAuthTypes(event, view.version)
    .map(([type, stateKey]) => entryOf(view, type, stateKey))
    .filter((entry) => entry !== undefined);
  const stateKey = event.state_key;
  const replaced = stateKey === undefined ? undefined : entryOf(view, event.type, stateKey);
  const eventNid = arrival.eventNid ?? (await parts.nids.reserve(1, () => parts.nids.take()));
  const roomOrder = view.head.lastOrder + orderStep;
  const authGen = stateKey === undefined ? null : 1 + Math.max(0, ...authEntries.map((entry) => entry.authGen));
  // Before the state moves on: the columns tell of the state before the event, and may throw.
  const columns = withoutRelation(columnsOf(parts, sealed, event, view, replaced), arrival.earlyRedactions);
  const levels = entryOf(view, 'm.room.power_levels', '')?.event;
  const reference = referenceTo(sealed);
  const next = await stateAfter(parts, view, event, { eventNid, authGen: authGen ?? 0, event, reference });
  const head: Head = {
    ...view.head,
    root: next.root,
    extremities: [{ nid: eventNid, id: event.eventId, reference }],
    depth: event.depth,
    lastOrder: roomOrder,
    notifySeq: columns.notifySeq,
  };
  const row: EventRow = {
    ...columns,
    ...replayColumnsOf(replay),
    eventNid,
    isMentioned: arrival.eventNid !== undefined,
    status: 'accepted',
    isLive: true,
    roomOrder,
    statePartial: view.isPartial,
    authGen,
    authNids: stateKey === undefined ? [] : authEntries.map((entry) => entry.eventNid),
    nodes: next.nodes,
    resolvedMemberships: [],
  };
  const fact = factOf(sealed, event, view, row, replaced);
  const isState = stateKey !== undefined;
  const { earlyRedactions } = arrival;
  const none = { resolved: [], leavesNodes: false, hasGapBefore: false, entry: undefined };
  const placed = { row, fact, event, replaced, levels, earlyRedactions, isState, sending, ...none };
  return { event: placed, view: { ...view, roomId: sealed.roomId, head } };
}

async function stateAfter(
  { tries, interned, database }: BuildParts,
  view: RoomView,
  event: AuthEvent,
  entry: StateEntry,
): Promise<{ root: number; nodes: readonly NewNode[] }> {
  if (event.state_key === undefined) return { root: view.head.root, nodes: [] };
  const keyNid = interned.knownKey(event.type, event.state_key);
  if (keyNid === undefined) throw new Error('internNames() was not awaited.');
  const { root, nodes } = await tries.set(database, view.roomNid, view.head.root, keyNid, entry.eventNid);
  view.state.set(joinedKey(event.type, event.state_key), entry);
  return { root, nodes };
}
