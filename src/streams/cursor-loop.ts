/** Owns work that follows the event stream in the background: one process at a time, resumed where it stopped. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { LeaseHolder, type IsOwner } from '#storage/lease-holder.ts';
import { findCursor } from '#storage/stream-cursors.ts';

const leaseTimes = { leaseMs: 10_000, renewMs: 3_000 };
/** How often a process that has nothing to do looks whether there is something. */
const POLL_MS = 1_000;
/** How often somebody who waits for another process's work looks how far that is. */
const WATCH_MS = 25;
const FAILURE_REST_MS = 1_000;
/**
 * After each step the work rests for this many times as long as the step took, unless somebody waits for it: it takes a
 * twentieth of a core from those who write, and a third once it is far behind.
 */
const REST_FACTOR = 19;
const REST_FACTOR_BEHIND = 2;
const BEHIND_POSITIONS = 50_000;
const REST_MS_MAX = 1_000;

export type CursorWork = {
  /** Names the lease and the cursor. */
  readonly name: string;
  /**
   * Does what follows from the events after a position, as many as it likes, and moves the cursor in the same transaction,
   * which first asks `isOwner`. Resolves with the position up to which all is done, the same one if there is nothing, or
   * undefined, without an effect, if another process has the work or has moved the cursor meanwhile.
   */
  readonly step: (after: number, isOwner: IsOwner) => Promise<number | undefined>;
};

type Parts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The greatest position that this process knows. */
  readonly horizon: () => number;
};

type Waiter = { readonly pos: number; readonly resolve: () => void };

export class CursorLoop implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #work: CursorWork;
  readonly #lease: LeaseHolder;
  readonly #waiters = new Set<Waiter>();
  readonly #running: Promise<void>;
  /** Ends the pause that the loop is in, if it is. */
  #wake: (() => void) | undefined;
  #position = 0;
  #closed = false;

  constructor(parts: Parts, work: CursorWork) {
    this.#parts = parts;
    this.#work = work;
    this.#lease = new LeaseHolder(parts, { kind: work.name, shard: '0' }, leaseTimes);
    this.#running = this.#run();
  }

  /** Resolves with whether the work has come up to a position within the time; it goes on without rest meanwhile. */
  async reach(pos: number, timeoutMs: number): Promise<boolean> {
    if (this.#position >= pos) return true;
    const waiter = Promise.withResolvers<void>();
    const entry: Waiter = { pos, resolve: waiter.resolve };
    this.#waiters.add(entry);
    const timer = setTimeout(waiter.resolve, timeoutMs);
    this.#wake?.();
    await waiter.promise;
    clearTimeout(timer);
    this.#waiters.delete(entry);
    return this.#position >= pos;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    this.#wake?.();
    await this.#running;
    for (const { resolve } of this.#waiters) resolve();
    await this.#lease.end();
  }

  async #run(): Promise<void> {
    let hasFailed = false;
    while (!this.#closed) {
      try {
        await this.#turn();
        hasFailed = false;
      } catch (error) {
        if (!hasFailed)
          this.#parts.logger.warn({ err: error, work: this.#work.name }, 'background work failed; it is tried again');
        hasFailed = true;
        await this.#pause(FAILURE_REST_MS);
      }
    }
  }

  async #turn(): Promise<void> {
    const { clock, database } = this.#parts;
    if (this.#position >= this.#parts.horizon()) return this.#pause(POLL_MS);
    const held = await this.#lease.hold();
    if (held !== 'still') this.#moveTo(await findCursor(database, this.#work.name));
    if (held === 'no') return this.#pause(this.#waiters.size > 0 ? WATCH_MS : POLL_MS);
    const startedMs = clock.monotonicMs();
    const before = this.#position;
    const next = await this.#work.step(before, this.#lease.isOwner);
    if (next === before) return this.#pause(POLL_MS);
    this.#moveTo(next ?? (await findCursor(database, this.#work.name)));
    const isBehind = this.#parts.horizon() - this.#position > BEHIND_POSITIONS;
    const factor = isBehind ? REST_FACTOR_BEHIND : REST_FACTOR;
    const restMs = Math.min(REST_MS_MAX, factor * (clock.monotonicMs() - startedMs));
    if (this.#waiters.size === 0) await this.#pause(restMs);
  }

  #moveTo(position: number): void {
    this.#position = position;
    for (const waiter of this.#waiters) if (waiter.pos <= position) waiter.resolve();
  }

  /** Until the time is over, somebody begins to wait, or the work is closed. */
  async #pause(ms: number): Promise<void> {
    if (this.#closed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
