/** Owns the events that a resolution has been given so far. */
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import { viewOf, type ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';
import { EVENTS_LOADED_MAX, ResolutionError } from '#matrix/state-resolution/resolution-error.ts';

/** Asks for each event once. Events that nobody has are as if they were not named. */
export class EventPool {
  readonly version: RoomVersion;
  readonly #events = new Map<string, ResolvableEvent | undefined>();
  readonly #views = new Map<string, AuthEvent>();
  #createId: string | undefined;

  constructor(version: RoomVersion) {
    this.version = version;
  }

  /** The room's create event: needed for the auth rules' view of the creator's first join. */
  set createId(eventId: string | undefined) {
    this.#createId = eventId;
  }

  *load(eventIds: Iterable<string>): Asking<void> {
    const missing = new Set<string>();
    for (const id of eventIds) if (!this.#events.has(id)) missing.add(id);
    yield* this.#ask(missing);
  }

  /** Gives the events that somebody has, in the order asked for. */
  *require(eventIds: Iterable<string>): Asking<ResolvableEvent[]> {
    const wanted = new Set(eventIds);
    yield* this.load(wanted);
    const found: ResolvableEvent[] = [];
    for (const id of wanted) {
      const event = this.#events.get(id);
      if (event !== undefined) found.push(event);
    }
    return found;
  }

  *loadParents(events: readonly ResolvableEvent[]): Asking<void> {
    const missing = new Set<string>();
    for (const { authEventIds } of events) for (const id of authEventIds) if (!this.#events.has(id)) missing.add(id);
    yield* this.#ask(missing);
  }

  /** The event's auth events, of those loaded. */
  parentsOf(event: ResolvableEvent): ResolvableEvent[] {
    const parents: ResolvableEvent[] = [];
    for (const id of event.authEventIds) {
      const parent = this.#events.get(id);
      if (parent === undefined) continue;
      if (!(parent.authGen < event.authGen)) {
        throw new ResolutionError('inconsistent-auth-graph', `${event.eventId} and ${id} cite each other.`);
      }
      parents.push(parent);
    }
    return parents;
  }

  *#ask(missing: ReadonlySet<string>): Asking<void> {
    if (missing.size === 0) return;
    if (this.#events.size + missing.size > EVENTS_LOADED_MAX) {
      throw new ResolutionError('too-many-events', `The states differ by more than ${EVENTS_LOADED_MAX} events.`);
    }
    const { events } = yield { ask: 'events', eventIds: [...missing] };
    for (const [id, event] of events) this.#events.set(id, event);
    for (const id of missing) if (!this.#events.has(id)) this.#events.set(id, undefined);
  }

  viewOf(event: ResolvableEvent): AuthEvent {
    let view = this.#views.get(event.eventId);
    if (view === undefined) {
      view = viewOf(event, this.version, this.#createId);
      this.#views.set(event.eventId, view);
    }
    return view;
  }
}
