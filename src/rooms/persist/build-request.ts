/** Owns turning a request into signed, authorised events with rows, standing on a view of the room. */
import type { Clock } from '#core/clock.ts';
import { randomString } from '#core/random.ts';
import { authEventOf } from '#matrix/auth-event.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { buildEvent } from '#matrix/build-event.ts';
import { MatrixError } from '#matrix/error.ts';
import type { AuthEvent, EventReference, Pdu } from '#matrix/pdu.ts';
import { isJsonSignedBy, type Signer } from '#matrix/signing.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { referenceTo } from '#rooms/persist/event-reference.ts';
import { authStateOf, completeView, emptyHead, entryOf, knowsState } from '#rooms/persist/room-view.ts';
import type { Head, RoomView, StateEntry, ViewParts } from '#rooms/persist/room-view.ts';
import type { DraftEvent, PersistRequest, SealedEvent } from '#rooms/persist-request.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';
import type { EventRow } from '#storage/rooms/persist-columns.ts';
import type { NewNode } from '#storage/rooms/state-tries.ts';
import type { EventFact } from '#streams/event-fact.ts';
import { columnsOf, factOf, replayColumnsOf } from '#rooms/persist/event-rows.ts';

export type BuildParts = ViewParts & {
  readonly clock: Clock;
  readonly nids: NidAllocator;
  readonly signer: Signer;
  readonly isLocal: (id: string) => boolean;
  /** Times of create events, none of them twice: from version 12 on the room's id is made of little else. */
  readonly nextCreationTs: () => number;
};

/** An event that is ready to be written. The fact lacks nothing but its position. */
export type BuiltEvent = {
  readonly row: EventRow;
  readonly fact: Omit<EventFact, 'pos'>;
  readonly event: AuthEvent;
  readonly replaced: StateEntry | undefined;
  /** The power levels by which it was allowed: the view's state moves on. */
  readonly levels: AuthEvent | undefined;
};

/** The events of a request, and the head and state that the room has after them. */
export type BuiltEvents = {
  readonly events: readonly BuiltEvent[];
  readonly view: RoomView;
  readonly changed: boolean;
};

/** Gaps between live events leave room for what a backfill places between them. */
const orderStep = 2 ** 20;
const depthMax = Number.MAX_SAFE_INTEGER;

/** A view for a room that does not exist yet; its id is known when its create event has been built. */
export function newRoomView(version: RoomView['version'], roomNid: number, serverName: string): RoomView {
  const roomId = version.roomIdIsCreateHash ? '' : `!${randomString(18, idAlphabet)}:${serverName}`;
  return { roomNid, roomId, version, head: emptyHead, state: new Map() };
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
  let view = base;
  for (const draft of request.events) {
    const replay = events.length === 0 ? request.replay : undefined;
    const pending = 'sealed' in draft ? draftOf(draft) : draft;
    const keys = keysFor(pending, view);
    if (!knowsState(view, keys)) await completeView(parts, view, keys);
    const sealed = 'sealed' in draft ? checkSealed(draft.sealed, view) : signDraft(parts, pending, view);
    const { type, state_key: stateKey } = pending;
    // Before it is placed: whatever fails from here on must not leave its entry behind.
    if (stateKey !== undefined) {
      undo.push({ key: joinedKey(type, stateKey), was: entryOf(view, type, stateKey) ?? null });
    }
    const built = await placeEvent(parts, sealed, view, replay);
    events.push(built.event);
    view = built.view;
  }
  return { events, view, changed: view.head.root !== base.head.root };
}

/** Columns cannot hold U+0000, and no client has a use for it in a type or a state key. */
function refuseNul({ type, sender, state_key: stateKey }: Pick<Pdu, 'type' | 'sender' | 'state_key'>): void {
  if (type.includes('\0') || sender.includes('\0') || stateKey?.includes('\0') === true) {
    throw new MatrixError('M_INVALID_PARAM', 'The event type and the state key must not contain U+0000.');
  }
}

function draftOf({ sealed }: SealedEvent): DraftEvent {
  const { sender, type, content, state_key } = sealed.pdu;
  return { sender, type, content, ...(state_key === undefined ? {} : { state_key }) };
}

/** What the auth rules, the rows and the projections read of the state. */
function keysFor(draft: DraftEvent, view: RoomView): TypeAndKey[] {
  if (draft.type === 'm.room.create') return [['m.room.create', '']];
  const keys: TypeAndKey[] = [...selectAuthTypes(draft, view.version)];
  keys.push(['m.room.create', ''], ['m.room.history_visibility', '']);
  if (draft.state_key !== undefined) keys.push([draft.type, draft.state_key]);
  return keys;
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
  const authEvents: EventReference[] = [];
  for (const [type, stateKey] of selectAuthTypes(draft, view.version)) {
    const entry = entryOf(view, type, stateKey);
    if (entry !== undefined) authEvents.push(entry.reference);
  }
  const verdict = buildEvent(isNewHashRoom ? draft : { ...draft, room_id: view.roomId }, {
    version: view.version,
    prevEvents: view.head.extremities.map(({ reference }) => reference),
    authEvents,
    depth: Math.min(view.head.depth + 1, depthMax),
    originServerTs: isNewHashRoom ? nextCreationTs() : clock.now(),
    signer,
    ...(view.version.eventId === 'in-pdu' && { eventId: `$${randomString(32, idAlphabet)}:${signer.serverName}` }),
  });
  if (!verdict.ok)
    throw new MatrixError(verdict.reason === 'too-large' ? 'M_TOO_LARGE' : 'M_BAD_JSON', verdict.message);
  return verdict.event;
}

function checkSealed(sealed: ValidatedPdu, view: RoomView): ValidatedPdu {
  const heads = new Set(view.head.extremities.map(({ id }) => id));
  const parents = authEventOf(sealed.pdu, sealed.eventId, sealed.version).prev_events;
  if (parents.length !== heads.size || !parents.every((id) => heads.has(id))) {
    throw new MatrixError('M_BAD_STATE', 'The room has moved on since this event was signed; make it again.');
  }
  return sealed;
}

type Placed = { readonly event: BuiltEvent; readonly view: RoomView };

/** Authorises the event against the view's state and gives it its row, its fact, and the view that follows. */
async function placeEvent(
  parts: BuildParts,
  sealed: ValidatedPdu,
  view: RoomView,
  replay: PersistRequest['replay'],
): Promise<Placed> {
  const event = authEventOf(sealed.pdu, sealed.eventId, view.version);
  const verdict = checkAuth(event, view.version, authStateOf(view), { verify: isJsonSignedBy });
  if (!verdict.allowed) throw new MatrixError('M_FORBIDDEN', verdict.reason);
  const authEntries = selectAuthTypes(event, view.version)
    .map(([type, stateKey]) => entryOf(view, type, stateKey))
    .filter((entry) => entry !== undefined);
  const stateKey = event.state_key;
  const replaced = stateKey === undefined ? undefined : entryOf(view, event.type, stateKey);
  const eventNid = await parts.nids.reserve(1, () => parts.nids.take());
  const roomOrder = view.head.lastOrder + orderStep;
  const authGen = stateKey === undefined ? null : 1 + Math.max(0, ...authEntries.map((entry) => entry.authGen));
  // Before the state moves on: the columns tell of the state before the event, and may throw.
  const columns = columnsOf(parts, sealed, event, view, replaced);
  const levels = entryOf(view, 'm.room.power_levels', '')?.event;
  const reference = referenceTo(sealed);
  const next = await stateAfter(parts, view, event, { eventNid, authGen: authGen ?? 0, event, reference });
  const head: Head = {
    ...view.head,
    root: next.root,
    extremities: [{ nid: eventNid, id: event.eventId, reference }],
    depth: event.depth,
    lastOrder: roomOrder,
  };
  const row: EventRow = {
    ...columns,
    ...replayColumnsOf(replay),
    eventNid,
    roomOrder,
    authGen,
    authNids: stateKey === undefined ? [] : authEntries.map((entry) => entry.eventNid),
    nodes: next.nodes,
  };
  const fact = factOf(sealed, event, view, row, replaced);
  return { event: { row, fact, event, replaced, levels }, view: { ...view, roomId: sealed.roomId, head } };
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
