/** Owns the requests that wait for news, found by room and by user, with one coarse clock for all their deadlines. */
import type { Clock } from '#core/clock.ts';
import type { EventFact } from '#streams/event-fact.ts';
import { isMember } from '#streams/fact-ring.ts';

/** A deadline is met up to this much late; in return ten thousand waiters share one timer. */
const TICK_MS = 25;
/** How many go on in one turn of the event loop, so that news for a large room does not hold up the next commit. */
const WAKES_PER_TURN = 32;

export type WaiterTerms = {
  readonly roomNids: Iterable<number>;
  readonly userId: string;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

type Waiter = {
  readonly roomNids: readonly number[];
  readonly userId: string;
  readonly bucket: number;
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
  readonly resolve: (quietUpTo: number) => void;
};

export class Waiters implements Disposable {
  readonly #clock: Clock;
  readonly #byRoom = new Map<number, Set<Waiter>>();
  readonly #byUser = new Map<string, Set<Waiter>>();
  readonly #byBucket = new Map<number, Set<Waiter>>();
  /** Those who go on, each with the position up to which nothing concerned them. */
  #woken: (readonly [Waiter, number])[] = [];
  #horizon: number;
  #turn: NodeJS.Immediate | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #nextBucket = 0;
  #count = 0;

  constructor(clock: Clock, horizon: number) {
    this.#clock = clock;
    this.#horizon = horizon;
  }

  get count(): number {
    return this.#count;
  }

  /**
   * Resolves when woken, at the deadline or on abort, with the position up to which nothing concerned the waiter, counted
   * from the present; it never rejects.
   */
  wait(terms: WaiterTerms): Promise<number> {
    if (terms.timeoutMs <= 0 || terms.signal.aborted) return Promise.resolve(this.#horizon);
    return new Promise((resolve) => {
      const waiter: Waiter = {
        roomNids: [...terms.roomNids],
        userId: terms.userId,
        bucket: Math.ceil((this.#clock.monotonicMs() + terms.timeoutMs) / TICK_MS),
        signal: terms.signal,
        onAbort: () => {
          if (this.#remove(waiter)) resolve(this.#horizon);
        },
        resolve,
      };
      this.#add(waiter);
    });
  }

  /** Wakes those whom a fact concerns; the cost is that of the waiters concerned, not of all. */
  wake(facts: readonly EventFact[]): void {
    const before = this.#horizon;
    this.#horizon = facts.at(-1)?.pos ?? before;
    if (this.#count === 0) return;
    for (const fact of facts) {
      this.#takeAll(this.#byRoom.get(fact.roomNid), before);
      if (isMember(fact)) this.#takeAll(this.#byUser.get(fact.stateKey), before);
    }
    this.#resume();
  }

  [Symbol.dispose](): void {
    for (const waiters of [...this.#byUser.values()]) this.#takeAll(waiters, this.#horizon);
    clearImmediate(this.#turn);
    for (const [waiter, quietUpTo] of this.#woken.splice(0)) waiter.resolve(quietUpTo);
  }

  #takeAll(waiters: Set<Waiter> | undefined, quietUpTo: number): void {
    if (waiters === undefined) return;
    for (const waiter of [...waiters]) if (this.#remove(waiter)) this.#woken.push([waiter, quietUpTo]);
  }

  #resume(): void {
    if (this.#turn !== undefined || this.#woken.length === 0) return;
    for (const [waiter, quietUpTo] of this.#woken.splice(0, WAKES_PER_TURN)) waiter.resolve(quietUpTo);
    if (this.#woken.length === 0) return;
    this.#turn = setImmediate(() => {
      this.#turn = undefined;
      this.#resume();
    });
  }

  #add(waiter: Waiter): void {
    this.#count += 1;
    for (const roomNid of waiter.roomNids) put(this.#byRoom, roomNid, waiter);
    put(this.#byUser, waiter.userId, waiter);
    put(this.#byBucket, waiter.bucket, waiter);
    waiter.signal.addEventListener('abort', waiter.onAbort, { once: true });
    if (this.#ticker === undefined) {
      this.#nextBucket = Math.floor(this.#clock.monotonicMs() / TICK_MS);
      this.#ticker = setInterval(() => this.#tick(), TICK_MS).unref();
    }
  }

  /** Whether the waiter was still waiting. */
  #remove(waiter: Waiter): boolean {
    if (!take(this.#byBucket, waiter.bucket, waiter)) return false;
    for (const roomNid of waiter.roomNids) take(this.#byRoom, roomNid, waiter);
    take(this.#byUser, waiter.userId, waiter);
    waiter.signal.removeEventListener('abort', waiter.onAbort);
    this.#count -= 1;
    if (this.#count === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    return true;
  }

  #tick(): void {
    const now = Math.floor(this.#clock.monotonicMs() / TICK_MS);
    for (; this.#nextBucket <= now; this.#nextBucket += 1)
      this.#takeAll(this.#byBucket.get(this.#nextBucket), this.#horizon);
    this.#resume();
  }
}

function put<K>(index: Map<K, Set<Waiter>>, key: K, waiter: Waiter): void {
  const found = index.get(key);
  if (found === undefined) index.set(key, new Set([waiter]));
  else found.add(waiter);
}

function take<K>(index: Map<K, Set<Waiter>>, key: K, waiter: Waiter): boolean {
  const waiters = index.get(key);
  if (waiters?.delete(waiter) !== true) return false;
  if (waiters.size === 0) index.delete(key);
  return true;
}
