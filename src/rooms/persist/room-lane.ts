/** Owns the works of one room on their way into a batch: waiting to be built, or built one upon the other. */
import { authEventOf } from '#matrix/auth-event.ts';
import { standsOnHead } from '#rooms/persist/judge-sealed.ts';
import type { PersistRequest, PersistResult } from '#rooms/persist-request.ts';
import type { BuiltEvents } from '#rooms/persist/built-events.ts';
import type { RoomView, StateEntry } from '#rooms/persist/room-view.ts';
import { joinedKey } from '#matrix/joined-key.ts';

/** A request and the promise of its caller. */
export type Work = {
  readonly request: PersistRequest;
  readonly resolve: (result: PersistResult) => void;
  readonly reject: (error: unknown) => void;
  /** Resolves when the numeric ids of its names are known. What failed because the database was away is replaced. */
  named: Promise<void>;
  /** After this moment of the monotonic clock it is given up. */
  readonly deadlineMs: number;
};

/** A work whose events are signed and stand on the events of the work before it in the same lane. */
export type BuiltWork = {
  readonly work: Work;
  readonly lane: RoomLane;
  readonly generation: number;
  readonly built: BuiltEvents;
};

/** What an event of a request redacts. */
export function redactsOf(event: PersistRequest['events'][number]): string | undefined {
  if (!('sealed' in event)) return event.redacts;
  const { pdu, eventId, version } = event.sealed;
  return pdu.type === 'm.room.redaction' ? authEventOf(pdu, eventId, version).redacts : undefined;
}

/** Of a request it is the first event that decides; the others follow it. */
function followsHead(event: PersistRequest['events'][number] | undefined, view: RoomView): boolean {
  return event === undefined || !('sealed' in event) || standsOnHead(event.sealed, view);
}

/** Seldom-used entries are dropped from a view that has grown beyond this. */
const viewEntriesMax = 5_000;

/**
 * Works of a room are built in the order in which they came. What is built stands on what was built before it, whether
 * that is committed or not; when a write finds another head, everything built goes back to be built anew.
 */
export class RoomLane {
  readonly pending: Work[] = [];
  /** In the order of the events; the first ones may be in the batch that is being written. */
  built: BuiltWork[] = [];
  /** The room as it will be when everything built is written. */
  view: RoomView | undefined;
  /** The newest head in the database that this process knows of. */
  roomSeq = 0;
  bumpPos = 0;
  /** Set for a room that the lane's first work creates. */
  created: { readonly roomId: string; readonly version: string } | undefined;
  /** Raised whenever `built` is thrown away. */
  generation = 0;
  /** Conflicts since the last success: from the second on the room is locked before it is read. */
  conflicts = 0;
  building = false;
  /** Requests of the room that have not been answered yet. */
  waiting = 0;
  /** How often in a row nothing could be built because the database was away. */
  outages = 0;
  /** How many of the pending works the locked writer takes one by one, because one of them failed it. */
  suspects = 0;

  get isIdle(): boolean {
    return this.pending.length === 0 && this.built.length === 0 && !this.building;
  }

  /** Whether the room exists already, so that it can be locked: the first of what is pending does not create it. */
  get isThere(): boolean {
    const [first] = this.pending;
    return first !== undefined && 'roomId' in first.request.room;
  }

  /** An event that does not follow the head is built when nothing is being written, and nothing is built upon it before it is. */
  mustSettleBefore({ request }: Work): boolean {
    const last = this.built.at(-1)?.built;
    if (last === undefined) return false;
    return (
      last.isAlone ||
      !followsHead(request.events[0], last.view) ||
      request.events.some((event) => this.#redactsBuilt(event))
    );
  }

  /** What an event redacts has to be written before it: the record of a redaction looks for it in the database. */
  #redactsBuilt(event: PersistRequest['events'][number]): boolean {
    const target = redactsOf(event);
    if (target === undefined) return false;
    return this.built.some(({ built }) => built.events.some(({ event: { eventId } }) => eventId === target));
  }

  addBuilt(work: Work, built: BuiltEvents): BuiltWork {
    const entry: BuiltWork = { work, lane: this, generation: this.generation, built };
    this.built.push(entry);
    this.view = built.view;
    return entry;
  }

  /** Takes back everything built and not settled, in order, before what is still pending. */
  rebuild(): void {
    this.pending.unshift(...this.built.map(({ work }) => work));
    this.forget();
  }

  /** Drops the view; what was built on it is the caller's to settle. */
  forget(): void {
    this.built = [];
    this.view = undefined;
    this.generation++;
  }

  /** The write of these works succeeded. */
  settle(works: readonly BuiltWork[]): void {
    this.built = this.built.filter((entry) => !works.includes(entry));
    this.conflicts = 0;
    this.created = undefined;
    this.roomSeq++;
    this.#trim();
  }

  /**
   * Entries that are committed can be read again; those of events that are being written cannot. Views that share the
   * map keep the old one, so that what is being built upon them stays as it is.
   */
  #trim(): void {
    const { view } = this;
    if (view === undefined || view.state.size <= viewEntriesMax) return;
    const kept = new Map<string, StateEntry | null>();
    for (const { built } of this.built) {
      for (const { event } of built.events) {
        if (event.state_key === undefined) continue;
        const key = joinedKey(event.type, event.state_key);
        const entry = view.state.get(key);
        if (entry !== undefined) kept.set(key, entry);
      }
    }
    this.view = { ...view, state: kept };
  }
}
