/** Owns making the states of a partial room whole: event by event, from the join upwards, each judged once more. */
import { BoundedMap } from '#core/bounded-map.ts';
import { piecesOf } from '#core/pieces.ts';
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { historyVisibilityOf } from '#matrix/history-visibility.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import { stateAfter, type BranchState } from '#rooms/branches/branch-state.ts';
import { resolveBranches, type BranchParts } from '#rooms/branches/resolve-branches.ts';
import { visibilityCodes } from '#rooms/persist/event-rows.ts';
import { isAllowedByCited, loadCited, stateKeysFor } from '#rooms/persist/judge-sealed.ts';
import { authStateOf, completeView, entryOf, loadEntries, viewOfState } from '#rooms/persist/room-view.ts';
import type { RoomView, StateEntry, ViewParts } from '#rooms/persist/room-view.ts';
import { followedFirst } from '#rooms/followed-first.ts';
import type { Database } from '#storage/database.ts';
import { isJudged, isRejected, type EventStatus } from '#storage/rooms/event-status.ts';
import { findEventPlacesByNids } from '#storage/rooms/find-graph.ts';
import { findPartialEvents, persistStateNodes, type PartialEvent } from '#storage/rooms/whole-states.ts';
import type { NewState, StateRoot } from '#storage/rooms/state-tries.ts';

export type WholeParts = ViewParts & BranchParts & { readonly database: Database };

export type WholeRoom = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: RoomVersion;
  readonly joinNid: number;
};

/** An event with the whole state before it, and what it is by that. */
export type Restated = {
  readonly event: PartialEvent;
  readonly sender: string;
  readonly root: StateRoot;
  readonly status: EventStatus;
  readonly historyVisibility: number;
};

/** An event that follows what is not here: the state before it has to be told. */
export type Lacking = { readonly eventNid: number; readonly eventId: string };

export class UnsettledError extends Error {}

const EVENTS_AT_ONCE = 200;
/** States of which entries are remembered: most events share the one before them. */
const VIEWS_MAX = 20;
const RESOLVED_MAX = 2_000;

/**
 * What it has worked out stays right whatever is written meanwhile: events that came in between are worked out by the next
 * `advance`. It reads and writes outside of transactions, so that nobody waits for it.
 */
export class WholeStates {
  readonly #parts: WholeParts;
  readonly #room: WholeRoom;
  /** By nid, those first that others follow. */
  readonly #restated = new Map<number, Restated>();
  readonly #statuses = new Map<number, EventStatus>();
  /** The states before events that follow what is not here. */
  readonly #told = new Map<number, StateRoot>();
  /** By the branches: the state after an event is asked for by those that follow it, and by the head. */
  readonly #resolved = new BoundedMap<string, StateRoot>({ sizeMax: RESOLVED_MAX });
  readonly #views = new BoundedMap<StateRoot, RoomView>({ sizeMax: VIEWS_MAX });

  constructor(parts: WholeParts, room: WholeRoom) {
    this.#parts = parts;
    this.#room = room;
  }

  get restated(): ReadonlyMap<number, Restated> {
    return this.#restated;
  }

  /** The state before an event, as another server told it. */
  tell(eventNid: number, root: StateRoot): void {
    this.#told.set(eventNid, root);
  }

  /** Writes the nodes of a new state, so that every process can read it. */
  async write({ root, nodes }: NewState): Promise<StateRoot> {
    await persistStateNodes(this.#parts.database, this.#room.roomNid, nodes);
    return root;
  }

  /** Works out what can be, and gives the events before which the state has to be told first. */
  async advance(): Promise<readonly Lacking[]> {
    const { database } = this.#parts;
    const { roomNid, version } = this.#room;
    const all = await findPartialEvents(database, roomNid);
    const open = followedFirst(
      all.filter(({ eventNid }) => !this.#restated.has(eventNid)),
      ({ eventNid }) => eventNid,
      ({ prevNids }) => prevNids,
    );
    const lacking: Lacking[] = [];
    for (const some of piecesOf(open, EVENTS_AT_ONCE)) {
      const entries = await loadEntries(
        database,
        version,
        some.map(({ eventNid }) => eventNid),
      );
      for (const event of some) {
        const before = await this.#stateBefore(event);
        if (before === 'waiting') continue;
        if (before === 'lacking') lacking.push(event);
        else this.#restate(await this.#judge(event, entries.get(event.eventNid), before));
      }
    }
    return lacking;
  }

  /** One state out of those after these events. Throws an UnsettledError if one of them has come since the last `advance`. */
  async stateAfterAll(eventNids: readonly number[]): Promise<StateRoot> {
    const branches = await this.#branchesAfter(eventNids, undefined);
    if (typeof branches === 'string') throw new UnsettledError(`A state of ${this.#room.roomId} is not known.`);
    return this.#resolve(branches);
  }

  #restate(restated: Restated): void {
    this.#restated.set(restated.event.eventNid, restated);
    this.#statuses.set(restated.event.eventNid, restated.status);
  }

  async #stateBefore({ eventNid, prevNids }: PartialEvent): Promise<StateRoot | 'waiting' | 'lacking'> {
    const told = this.#told.get(eventNid);
    // The join is what all of it stands on: its state is asked for, whatever of its history has come meanwhile.
    if (eventNid === this.#room.joinNid) return told ?? 'lacking';
    const branches = await this.#branchesAfter(prevNids, told);
    return typeof branches === 'string' ? branches : this.#resolve(branches);
  }

  /** `told` is the state after those that are not here. */
  async #branchesAfter(
    eventNids: readonly number[],
    told: StateRoot | undefined,
  ): Promise<readonly BranchState[] | 'waiting' | 'lacking'> {
    const branches: BranchState[] = [];
    const others: number[] = [];
    for (const eventNid of eventNids) {
      const restated = this.#restated.get(eventNid);
      if (restated === undefined) others.push(eventNid);
      else branches.push(afterRestated(restated));
    }
    for (const place of await findEventPlacesByNids(this.#parts.database, others)) {
      const after = isJudged(place.status) ? stateAfter(place) : undefined;
      if (after?.isPartial === true) return 'waiting';
      if (after === undefined && told === undefined) return 'lacking';
      branches.push(after ?? { root: told ?? 0, entry: undefined, isPartial: false });
    }
    return branches;
  }

  async #resolve(branches: readonly BranchState[]): Promise<StateRoot> {
    const { roomNid, version } = this.#room;
    const [only, second] = branches;
    if (only !== undefined && second === undefined && only.entry === undefined) return only.root;
    const key = branches.map(({ root, entry }) => `${root} ${entry?.eventNid}`).join();
    const known = this.#resolved.get(key);
    if (known !== undefined) return known;
    const room = { roomNid, version, branches, restated: this.#statuses };
    const root = await this.write(await resolveBranches(this.#parts, room));
    this.#resolved.set(key, root);
    return root;
  }

  async #judge(event: PartialEvent, entry: StateEntry | undefined, root: StateRoot): Promise<Restated> {
    if (entry === undefined) throw new Error(`The event ${event.eventId} is missing.`);
    const { version } = this.#room;
    const view = this.#viewAt(root);
    await completeView(this.#parts, view, stateKeysFor(entry.event, version));
    const visibility = historyVisibilityOf(entryOf(view, 'm.room.history_visibility', '')?.event.content);
    const status = await this.#statusOf(event, entry, view);
    return { event, sender: entry.event.sender, root, status, historyVisibility: visibilityCodes[visibility] };
  }

  /** Specification: Server-Server API, "Checks performed on receipt of a PDU", 4 and 5: what has been taken in cannot soft-fail. */
  async #statusOf(event: PartialEvent, { event: own }: StateEntry, view: RoomView): Promise<EventStatus> {
    // By the join the server is in the room, or there would be nothing to complete.
    if (event.eventNid === this.#room.joinNid || own.type === 'm.room.create') return event.status;
    const { version } = this.#room;
    const cited = (await loadCited(this.#parts, own, view)).map((entry) => ({
      ...entry,
      status: this.#statuses.get(entry.eventNid) ?? entry.status,
    }));
    const create = version.roomIdIsCreateHash ? entryOf(view, 'm.room.create', '')?.event : undefined;
    if (!isAllowedByCited(own, cited, { version, create })) return 'rejected_by_auth';
    if (!checkAuth(own, version, authStateOf(view), { verify: isJsonSignedBy }).allowed) return 'rejected_by_state';
    return event.status === 'soft_failed' ? 'soft_failed' : 'accepted';
  }

  #viewAt(root: StateRoot): RoomView {
    const known = this.#views.get(root);
    if (known !== undefined) return known;
    const view = viewOfState(this.#room, root);
    this.#views.set(root, view);
    return view;
  }
}

function afterRestated({ event, root, status }: Restated): BranchState {
  const { keyNid, eventNid } = event;
  const isChanged = keyNid !== undefined && !isRejected(status);
  return { root, entry: isChanged ? { keyNid, eventNid } : undefined, isPartial: false };
}
