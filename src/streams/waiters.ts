/** Owns the requests that wait for news, found by room and by user, with one coarse clock for all their deadlines. */
import type { Clock } from '#core/clock.ts';
import { Quota } from '#core/quota.ts';
import { tooMuchWaiting } from '#storage/overload.ts';
import { membersOf, type EventFact } from '#streams/event-fact.ts';
import { roomsOf, type Change } from '#streams/change.ts';
import { mapPositions, type StreamPositions } from '#streams/sync-token.ts';

/** A deadline is met up to this much late; in return ten thousand waiters share one timer. */
const TICK_MS = 25;
/** How many go on in one turn of the event loop, so that news for a large room does not hold up the next commit. */
const WAKES_PER_TURN = 32;

export type WaiterTerms = {
  readonly roomNids: Iterable<number>;
  /** A membership event of this user wakes too, in whatever room, and what concerns nobody else. */
  readonly userId: string;
  readonly userNid: number;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

type Waiter = {
  readonly roomNids: readonly number[];
  readonly userId: string;
  readonly userNid: number;
  readonly bucket: number;
  readonly signal: AbortSignal;
  readonly onAbort: () => void;
  readonly resolve: (quietUpTo: StreamPositions) => void;
};

export class Waiters implements Disposable {
  readonly #clock: Clock;
  readonly #places: Quota;
  readonly #byRoom = new Map<number, Set<Waiter>>();
  readonly #byMember = new Map<string, Set<Waiter>>();
  readonly #byUser = new Map<number, Set<Waiter>>();
  readonly #byBucket = new Map<number, Set<Waiter>>();
  /** Those who go on, each with the positions up to which nothing concerned them. */
  #woken: (readonly [Waiter, StreamPositions])[] = [];
  readonly #watchers = new Set<() => void>();
  #horizons: StreamPositions = [0, 0, 0, 0, 0];
  #turn: NodeJS.Immediate | undefined;
  #ticker: NodeJS.Timeout | undefined;
  #nextBucket = 0;

  constructor(clock: Clock, places = new Quota('waiting_syncs', Infinity)) {
    this.#clock = clock;
    this.#places = places;
  }

  /** How far each stream has been read. */
  get horizons(): StreamPositions {
    return this.#horizons;
  }

  get count(): number {
    return this.#places.used;
  }

  /**
   * Resolves when woken, at the deadline or on abort, with the positions up to which nothing concerned the waiter, counted
   * from the present. Rejects with 503 when too many wait already.
   */
  wait(terms: WaiterTerms): Promise<StreamPositions> {
    if (terms.timeoutMs <= 0 || terms.signal.aborted) return Promise.resolve(this.#horizons);
    if (!this.#places.take()) return Promise.reject(tooMuchWaiting());
    return new Promise((resolve) => {
      const waiter: Waiter = {
        roomNids: [...terms.roomNids],
        userId: terms.userId,
        userNid: terms.userNid,
        bucket: Math.ceil((this.#clock.monotonicMs() + terms.timeoutMs) / TICK_MS),
        signal: terms.signal,
        onAbort: () => {
          if (this.#remove(waiter)) resolve(this.#horizons);
        },
        resolve,
      };
      this.#add(waiter);
    });
  }

  /** Where a stream begins, before anybody waits. */
  startAt(stream: number, horizon: number): void {
    this.#advance(stream, horizon);
  }

  /** Wakes those whom an event concerns; the cost is that of the waiters concerned, not of all. */
  wakeForEvents(facts: readonly EventFact[]): void {
    const last = facts.at(-1);
    if (last === undefined) return;
    const before = this.#advance(0, last.pos);
    if (this.count === 0) return;
    for (const fact of facts) {
      this.#takeAll(this.#byRoom.get(fact.roomNid), before);
      for (const userId of membersOf(fact)) this.#takeAll(this.#byMember.get(userId), before);
    }
    this.#resume();
  }

  /** The same for changes of another stream, which has been read up to a position. */
  wakeForChanges(stream: number, changes: readonly Change[], horizon: number): void {
    const before = this.#advance(stream, horizon);
    if (this.count === 0) return;
    for (const change of changes) {
      const rooms = roomsOf(change);
      for (const roomNid of rooms ?? []) this.#takeAll(this.#byRoom.get(roomNid), before);
      if (rooms === undefined || change.kind === 'deviceLists') this.#takeAll(this.#byUser.get(change.userNid), before);
    }
    this.#resume();
  }

  /** Wakes everybody: nobody knows whom what has passed concerns. */
  wakeAll(stream: number, horizon: number): void {
    const before = this.#advance(stream, horizon);
    for (const waiters of [...this.#byUser.values()]) this.#takeAll(waiters, before);
    this.#resume();
  }

  /** Calls back whenever something is new in any stream; what it calls only notes that. */
  watch(noteNews: () => void): Disposable {
    this.#watchers.add(noteNews);
    return { [Symbol.dispose]: () => void this.#watchers.delete(noteNews) };
  }

  /** Gives the positions of before. */
  #advance(stream: number, horizon: number): StreamPositions {
    const before = this.#horizons;
    this.#horizons = mapPositions(before, (pos, index) => (index === stream ? horizon : pos));
    for (const noteNews of this.#watchers) noteNews();
    return before;
  }

  [Symbol.dispose](): void {
    for (const waiters of [...this.#byUser.values()]) this.#takeAll(waiters, this.#horizons);
    clearImmediate(this.#turn);
    for (const [waiter, quietUpTo] of this.#woken.splice(0)) waiter.resolve(quietUpTo);
  }

  #takeAll(waiters: Set<Waiter> | undefined, quietUpTo: StreamPositions): void {
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
    for (const roomNid of waiter.roomNids) put(this.#byRoom, roomNid, waiter);
    put(this.#byMember, waiter.userId, waiter);
    put(this.#byUser, waiter.userNid, waiter);
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
    take(this.#byMember, waiter.userId, waiter);
    take(this.#byUser, waiter.userNid, waiter);
    waiter.signal.removeEventListener('abort', waiter.onAbort);
    this.#places.give();
    if (this.count === 0) {
      clearInterval(this.#ticker);
      this.#ticker = undefined;
    }
    return true;
  }

  #tick(): void {
    const now = Math.floor(this.#clock.monotonicMs() / TICK_MS);
    for (; this.#nextBucket <= now; this.#nextBucket += 1)
      this.#takeAll(this.#byBucket.get(this.#nextBucket), this.#horizons);
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
