/** Owns the newest facts of the event stream in memory, found by position, by room and by member. */
import { membersOf, type EventFact } from '#streams/event-fact.ts';

export type FactRingBounds = { readonly factsMax: number; readonly charactersMax: number };

/** A list that grows at its end and shrinks at its start, in order of position. */
class FactQueue {
  #facts: EventFact[] = [];
  #start = 0;

  get length(): number {
    return this.#facts.length - this.#start;
  }

  get last(): EventFact | undefined {
    return this.#facts.at(-1);
  }

  push(fact: EventFact): void {
    this.#facts.push(fact);
  }

  shift(): EventFact | undefined {
    const fact = this.#facts[this.#start];
    if (fact === undefined) return undefined;
    this.#start += 1;
    // What has been dropped is let go now and then, at an eighth of the queue: shifting costs the same however long it is.
    if (this.#start > 64 && this.#start * 8 > this.#facts.length) {
      this.#facts = this.#facts.slice(this.#start);
      this.#start = 0;
    }
    return fact;
  }

  since(after: number): readonly EventFact[] {
    let at = this.#facts.length;
    while (at > this.#start && (this.#facts[at - 1]?.pos ?? 0) > after) at -= 1;
    return at === this.#facts.length ? noFacts : this.#facts.slice(at);
  }

  findLastById(eventId: string): EventFact | undefined {
    for (let at = this.#facts.length - 1; at >= this.#start; at -= 1) {
      if (this.#facts[at]?.eventId === eventId) return this.#facts[at];
    }
    return undefined;
  }
}

const noFacts: readonly EventFact[] = [];

/** Holds every fact with floor < pos ≤ horizon. The oldest leave when there are too many; the table has them still. */
export class FactRing {
  #floor: number;
  #horizon: number;
  #characters = 0;
  readonly #bounds: FactRingBounds;
  readonly #all = new FactQueue();
  readonly #byRoom = new Map<number, FactQueue>();
  readonly #byMember = new Map<string, FactQueue>();
  readonly #redacted = new Set<number>();

  constructor(horizon: number, bounds: FactRingBounds) {
    this.#floor = horizon;
    this.#horizon = horizon;
    this.#bounds = bounds;
  }

  get horizon(): number {
    return this.#horizon;
  }

  get count(): number {
    return this.#all.length;
  }

  reachesBackTo(after: number): boolean {
    return after >= this.#floor;
  }

  since(after: number): readonly EventFact[] {
    return this.#all.since(after);
  }

  ofRoomSince(roomNid: number, after: number): readonly EventFact[] {
    const queue = this.#byRoom.get(roomNid);
    return queue === undefined || (queue.last?.pos ?? 0) <= after ? noFacts : queue.since(after);
  }

  ofMemberSince(userId: string, after: number): readonly EventFact[] {
    return this.#byMember.get(userId)?.since(after) ?? noFacts;
  }

  isRedacted(eventNid: number): boolean {
    return this.#redacted.has(eventNid);
  }

  /** Adds a fact, which must lie beyond the horizon and follow everything that is committed before it. */
  append(fact: EventFact): void {
    this.#horizon = fact.pos;
    this.#characters += fact.stem.length;
    this.#all.push(fact);
    queueOf(this.#byRoom, fact.roomNid).push(fact);
    for (const userId of membersOf(fact)) queueOf(this.#byMember, userId).push(fact);
    if (fact.isRedacted === true) this.#redacted.add(fact.eventNid);
    if (fact.redacts !== undefined) {
      const target = this.#byRoom.get(fact.roomNid)?.findLastById(fact.redacts);
      if (target !== undefined) this.#redacted.add(target.eventNid);
    }
    while (this.#all.length > this.#bounds.factsMax || this.#characters > this.#bounds.charactersMax)
      this.#dropOldest();
  }

  /** Forgets everything: what the facts say of the room's state may not be so any more. */
  reset(): void {
    while (this.#all.length > 0) this.#dropOldest();
    this.#floor = this.#horizon;
  }

  /** A fact's place in its room's and its member's queue is the first one, for it is the oldest of all. */
  #dropOldest(): void {
    const fact = this.#all.shift();
    if (fact === undefined) return;
    this.#floor = fact.pos;
    this.#characters -= fact.stem.length;
    this.#redacted.delete(fact.eventNid);
    dropFirst(this.#byRoom, fact.roomNid);
    for (const userId of membersOf(fact)) dropFirst(this.#byMember, userId);
  }
}

function queueOf<K>(queues: Map<K, FactQueue>, key: K): FactQueue {
  const found = queues.get(key);
  if (found !== undefined) return found;
  const queue = new FactQueue();
  queues.set(key, queue);
  return queue;
}

function dropFirst<K>(queues: Map<K, FactQueue>, key: K): void {
  const queue = queues.get(key);
  queue?.shift();
  if (queue?.length === 0) queues.delete(key);
}
