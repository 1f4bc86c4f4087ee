/** Owns the state that a resolution builds up: events enter it one after another, if the auth rules let them. */
import { checkAuth } from '#matrix/auth-rules/check-auth.ts';
import { selectAuthTypes } from '#matrix/auth-rules/select-auth-types.ts';
import { joinedKey } from '#matrix/joined-key.ts';
import type { AuthEvent } from '#matrix/pdu.ts';
import { isJsonSignedBy } from '#matrix/signing.ts';
import type { EventPool } from '#matrix/state-resolution/event-pool.ts';
import { askUnconflicted, type Asking } from '#matrix/state-resolution/question.ts';
import type { ResolvableEvent } from '#matrix/state-resolution/resolvable-event.ts';

type PartialStateOptions = {
  /** Whether the state starts from the unconflicted state map or from nothing. */
  readonly startsFrom: 'unconflicted' | 'nothing';
  /** Whether an event's own auth events stand in for what the state lacks. */
  readonly usesOwnAuthEvents: boolean;
  /** The create event that the room id names, where events do not cite it (version 12). */
  readonly impliedCreate: ResolvableEvent | undefined;
};

export class PartialState {
  readonly #pool: EventPool;
  readonly #options: PartialStateOptions;
  readonly #resolved = new Map<string, ResolvableEvent>();
  /** The entries of the unconflicted state map that were looked at; undefined where it has none. */
  readonly #base = new Map<string, ResolvableEvent | undefined>();

  constructor(pool: EventPool, options: PartialStateOptions) {
    this.#pool = pool;
    this.#options = options;
  }

  /** What entered, by joined key. */
  get resolved(): ReadonlyMap<string, ResolvableEvent> {
    return this.#resolved;
  }

  set(event: ResolvableEvent): void {
    this.#resolved.set(joinedKey(event.type, event.stateKey), event);
  }

  remove(event: ResolvableEvent): void {
    this.#resolved.delete(joinedKey(event.type, event.stateKey));
  }

  /** The entry, which has been loaded by `prepare`. */
  find(type: string, stateKey: string): ResolvableEvent | undefined {
    const key = joinedKey(type, stateKey);
    return this.#resolved.get(key) ?? this.#base.get(key);
  }

  /** Loads all that `isAllowed` will look at for these events, at once. */
  *prepare(events: readonly ResolvableEvent[]): Asking<void> {
    const keys = new Set<string>([joinedKey('m.room.power_levels', '')]);
    for (const event of events) {
      for (const [type, stateKey] of selectAuthTypes(this.#pool.viewOf(event), this.#pool.version)) {
        keys.add(joinedKey(type, stateKey));
      }
    }
    if (this.#options.usesOwnAuthEvents) yield* this.#pool.loadParents(events);
    if (this.#options.startsFrom === 'nothing') return;
    const unknown = [...keys].filter((key) => !this.#base.has(key));
    const entries = yield* askUnconflicted(unknown);
    const found = yield* this.#pool.require(entries.values());
    for (const key of unknown) this.#base.set(key, undefined);
    for (const event of found) this.#base.set(joinedKey(event.type, event.stateKey), event);
  }

  /** Whether the auth rules allow the event in this state as it is now. */
  isAllowed(event: ResolvableEvent): boolean {
    const pool = this.#pool;
    const state = (type: string, stateKey: string): AuthEvent | undefined => {
      const entry = this.find(type, stateKey) ?? this.#standIn(event, type, stateKey);
      return entry === undefined ? undefined : pool.viewOf(entry);
    };
    return checkAuth(pool.viewOf(event), pool.version, state, { verify: isJsonSignedBy }).allowed;
  }

  /** Specification: Room Version 2, "Iterative auth checks": those of the auth events that were not rejected. */
  #standIn(event: ResolvableEvent, type: string, stateKey: string): ResolvableEvent | undefined {
    const { impliedCreate, usesOwnAuthEvents } = this.#options;
    if (type === 'm.room.create' && impliedCreate !== undefined) return impliedCreate;
    if (!usesOwnAuthEvents) return undefined;
    return this.#pool
      .parentsOf(event)
      .find((cited) => cited.type === type && cited.stateKey === stateKey && !cited.rejected);
  }
}

/** Specification: Room Version 2, "Iterative auth checks". */
export function* applyAllowed(state: PartialState, events: readonly ResolvableEvent[]): Asking<void> {
  yield* state.prepare(events);
  for (const event of events) if (state.isAllowed(event)) state.set(event);
}
