/** Owns what becomes part of a room's state when it is completed, as the projections and the users' memberships need it. */
import { piecesOf } from '#core/pieces.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { membershipCodeOf } from '#rooms/persist/event-rows.ts';
import { findCitedMembers } from '#rooms/cited-members.ts';
import type { Restated } from '#rooms/partial/whole-states.ts';
import type { ProjectedEvent } from '#rooms/persist/projection.ts';
import { loadEntries, type RoomView, type ViewParts } from '#rooms/persist/room-view.ts';
import { emptiedColumns } from '#rooms/projections/redacted-summaries.ts';
import { findEmptied } from '#rooms/projections/state-entries.ts';
import type { WholeMembership } from '#storage/rooms/complete-room.ts';
import { findMembershipsOf } from '#storage/rooms/whole-states.ts';
import type { StateChange } from '#storage/rooms/trie-entries.ts';

export type WholeChanges = {
  readonly events: readonly ProjectedEvent[];
  /** Of users of this server who turn out to be something else to the room than they were taken for. */
  readonly memberships: readonly WholeMembership[];
  /**
   * The keys of what clients may have been told otherwise: entries that the state had, entries other than members, and those
   * of members whom an event cites that is not the state's.
   */
  readonly changedKeys: readonly number[];
};

type Parts = ViewParts & { readonly isLocal: (id: string) => boolean };

/** Read at once: each brings its event's text. */
const EVENTS_AT_ONCE = 500;
/** Members after whom a room may be named. */
const NAMED_MAX = 100;
/** More than these would be a room that has been entered anew. */
const CHANGED_KEYS_MAX = 5_000;

type Told = Pick<Restated, 'event' | 'sender'>;

/** Remembers what it has read, so that the last look, for which others wait, reads only what came since the one before. */
export class WholeChangesReader {
  readonly #parts: Parts;
  readonly #version: RoomVersion;
  readonly #events = new Map<number, AuthEvent>();

  constructor(parts: Parts, version: RoomVersion) {
    this.#parts = parts;
    this.#version = version;
  }

  /** From the room's state as it was, to that of the view. `told` are the events that were placed by a partial state. */
  async read(view: RoomView, rootBefore: number, told: Iterable<Told>): Promise<WholeChanges> {
    const { database, tries } = this.#parts;
    const changes = await tries.diff(database, view.roomNid, rootBefore, view.head.root);
    await this.#load(changes.flatMap(({ before, after }) => [before ?? [], after ?? []].flat()));
    const inOrder = changes.toSorted((a, b) => (a.after ?? 0) - (b.after ?? 0));
    const shown = inOrder.flatMap((change) => this.#shownOf(change));
    await this.#internNames(shown);
    const emptied = await findEmptied(
      database,
      shown.map(({ event }) => event),
      emptiedColumns,
    );
    const memberships = await this.#membershipsOf(view, shown);
    const events = shown.map(({ event, eventNid, replaced, isGone }): ProjectedEvent => {
      const isEmpty = isGone || emptied.has(event.eventId);
      return {
        event: isEmpty ? { ...event, content: {} } : event,
        row: { eventNid, membership: memberships.get(eventNid) },
        replaced,
        levels: undefined,
        view,
        isNew: false,
        sending: 'theirs',
        earlyRedactions: [],
        isState: true,
      };
    });
    const replaced = inOrder.filter(({ before, after }) => before !== undefined || !this.#isMember(after));
    const cited = await this.#keysCitedOtherwise(view, told);
    const changedKeys = [...new Set([...replaced.map(({ keyNid }) => keyNid), ...cited])].slice(0, CHANGED_KEYS_MAX);
    return { events, memberships: [...memberships.values()], changedKeys };
  }

  #isMember(eventNid: number | undefined): boolean {
    return this.#events.get(eventNid ?? 0)?.type === 'm.room.member';
  }

  /** Clients were told the senders of events as the events cite them. */
  async #keysCitedOtherwise({ roomNid, head }: RoomView, told: Iterable<Told>): Promise<number[]> {
    const { database, interned, tries } = this.#parts;
    const events = Array.from(told, ({ event, sender }) => ({ eventNid: event.eventNid, sender }));
    const cited = await findCitedMembers(database, roomNid, events);
    await interned.lookUpKeys(Array.from(cited.keys(), (userId) => ['m.room.member', userId]));
    const known = [...cited].flatMap(([userId, eventNid]) => {
      const keyNid = interned.knownKey('m.room.member', userId);
      return keyNid === undefined ? [] : [{ keyNid, eventNid }];
    });
    const keyNids = known.map(({ keyNid }) => keyNid);
    const present = await tries.findEach(database, roomNid, head.root, keyNids);
    return known.filter(({ eventNid }, index) => present[index] !== eventNid).map(({ keyNid }) => keyNid);
  }

  async #load(eventNids: readonly number[]): Promise<void> {
    const unknown = eventNids.filter((nid) => !this.#events.has(nid));
    for (const some of piecesOf(unknown, EVENTS_AT_ONCE)) {
      for (const [nid, { event }] of await loadEntries(this.#parts.database, this.#version, some)) {
        this.#events.set(nid, slim(event));
      }
    }
  }

  #shownOf({ before, after }: StateChange): Shown[] {
    const replaced = before === undefined ? undefined : this.#events.get(before);
    const event = after === undefined ? replaced : this.#events.get(after);
    const eventNid = after ?? before;
    if (event === undefined || eventNid === undefined) return [];
    return [{ event, eventNid, replaced, isGone: after === undefined }];
  }

  async #internNames(shown: readonly Shown[]): Promise<void> {
    const members = shown.flatMap(({ event }) => (event.type === 'm.room.member' ? [event.state_key ?? ''] : []));
    const named = [...members.filter((id) => this.#parts.isLocal(id)), ...members.slice(0, NAMED_MAX)];
    await this.#parts.interned.internUsers([...new Set(named)]);
  }

  /** By the event that says it. What a user of this server is to the room is mostly known here already. */
  async #membershipsOf(view: RoomView, shown: readonly Shown[]): Promise<ReadonlyMap<number, WholeMembership>> {
    const { database, interned, isLocal } = this.#parts;
    const told = shown.flatMap(({ event, eventNid, isGone }) => {
      const userNid = interned.knownUser(event.state_key ?? '');
      const isOurs = event.type === 'm.room.member' && userNid !== undefined && isLocal(event.state_key ?? '');
      return isOurs ? [{ userNid, eventNid, now: isGone ? 0 : membershipCodeOf(event) }] : [];
    });
    const known = await findMembershipsOf(
      database,
      view.roomNid,
      told.map(({ userNid }) => userNid),
    );
    const changed = told.map((change) => ({ ...change, was: known.get(change.userNid) ?? 0 }));
    return new Map(changed.filter(({ now, was }) => now !== was).map((change) => [change.eventNid, change]));
  }
}

type Shown = {
  readonly event: AuthEvent;
  readonly eventNid: number;
  readonly replaced: AuthEvent | undefined;
  readonly isGone: boolean;
};

/** Of a member nothing but the membership is asked for, and there may be a hundred thousand of them. */
function slim(event: AuthEvent): AuthEvent {
  if (event.type !== 'm.room.member') return event;
  const { membership } = event.content;
  const content = membership === undefined ? {} : { membership };
  return { ...event, content, auth_events: [], prev_events: [] };
}
