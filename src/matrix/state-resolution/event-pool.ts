/** Owns the events that a resolution has been given so far, and what they cite. */
import type { AuthEvent } from '#matrix/pdu.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { Asking } from '#matrix/state-resolution/question.ts';
import { viewOf, type ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';
import { EVENTS_LOADED_MAX, ResolutionError } from '#matrix/state-resolution/resolution-error.ts';

/**
 * Asks for each event once, and follows each citation once: an event that nobody has, or that does not come before the
 * one that cites it, ends the resolution there, before anything is sorted or judged.
 */
export class EventPool {
  readonly version: RoomVersion;
  readonly #events = new Map<string, ResolvableEvent>();
  readonly #parents = new Map<ResolvableEvent, readonly ResolvableEvent[]>();
  readonly #views = new Map<ResolvableEvent, AuthEvent>();
  #createId: string | undefined;

  constructor(version: RoomVersion) {
    this.version = version;
  }

  /** The room's create event: needed for the auth rules' view of the creator's first join. */
  set createId(eventId: string | undefined) {
    this.#createId = eventId;
  }

  /** The events, in the order asked for, each once. */
  *require(eventIds: Iterable<string>): Asking<ResolvableEvent[]> {
    const wanted = new Set(eventIds);
    const missing: string[] = [];
    for (const id of wanted) if (!this.#events.has(id)) missing.push(id);
    yield* this.#ask(missing);
    const found: ResolvableEvent[] = [];
    for (const id of wanted) found.push(this.#eventOf(id));
    return found;
  }

  /** Makes `parentsOf` possible for these events. */
  *loadParents(events: readonly ResolvableEvent[]): Asking<void> {
    const unknown = events.filter((event) => !this.#parents.has(event));
    if (unknown.length === 0) return;
    const missing = new Set<string>();
    for (const { authEventIds } of unknown) for (const id of authEventIds) if (!this.#events.has(id)) missing.add(id);
    yield* this.#ask([...missing]);
    for (const event of unknown) this.#parents.set(event, this.#follow(event));
  }

  /** The event's auth events; `loadParents` comes first. */
  parentsOf(event: ResolvableEvent): readonly ResolvableEvent[] {
    const parents = this.#parents.get(event);
    if (parents === undefined) throw new TypeError(`loadParents() was not called for ${event.eventId}.`);
    return parents;
  }

  #follow(event: ResolvableEvent): readonly ResolvableEvent[] {
    const parents: ResolvableEvent[] = [];
    for (const id of event.authEventIds) {
      const parent = this.#eventOf(id);
      requireBelow(id, parent.authGen, event.authGen);
      parents.push(parent);
    }
    return parents;
  }

  #eventOf(eventId: string): ResolvableEvent {
    const event = this.#events.get(eventId);
    if (event === undefined) throw new TypeError(`${eventId} was not asked for.`);
    return event;
  }

  *#ask(eventIds: readonly string[]): Asking<void> {
    if (eventIds.length === 0) return;
    if (this.#events.size + eventIds.length > EVENTS_LOADED_MAX) {
      throw new ResolutionError('too-many-events', `The states differ by more than ${EVENTS_LOADED_MAX} events.`);
    }
    const { events } = yield { ask: 'events', eventIds };
    for (const id of eventIds) {
      const event = events.get(id);
      if (event === undefined) throw new ResolutionError('missing-event', `Nobody has the event ${id}.`);
      this.#events.set(id, event);
    }
  }

  viewOf(event: ResolvableEvent): AuthEvent {
    let view = this.#views.get(event);
    if (view === undefined) {
      view = viewOf(event, this.version, this.#createId);
      this.#views.set(event, view);
    }
    return view;
  }
}

/**
 * Throws if an event does not stand below those of a generation that cite it. Generations fall along every citation of a
 * graph without circles, so that comparing two numbers finds any circle.
 */
export function requireBelow(citedId: string, citedGen: number, citingGen: number): void {
  if (citedGen < citingGen) return;
  throw new ResolutionError('inconsistent-auth-graph', `The event ${citedId} does not stand below one that cites it.`);
}
