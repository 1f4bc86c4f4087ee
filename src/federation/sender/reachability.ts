/** Owns whether a server is reached, since when it is not, and when it is tried again. */
import { backoffMs } from '#core/backoff.ts';
import type { Clock } from '#core/clock.ts';

const LEAST_MS = 1_000;
/** A server that comes back is found within a tenth of the time for which it was away, or within half a minute. */
const SHORT_OUTAGE_MS = 30_000;
const PART_OF_OUTAGE = 10;
/** Between two attempts to reach a server that speaks to this one and does not answer. */
const HEARD_MS = 500;

export class Reachability {
  readonly #clock: Clock;
  readonly #retryMsMax: number;
  #failures: number;
  /** In milliseconds since 1970, over restarts. */
  #failingSince: number | undefined;
  #attemptedAtMs = -Infinity;
  #retryAtMs = -Infinity;

  /** `failingSince`: of a server that was not reached last time; it is tried at once. */
  constructor(clock: Clock, retryMsMax: number, failingSince: number | undefined) {
    this.#clock = clock;
    this.#retryMsMax = retryMsMax;
    this.#failingSince = failingSince;
    this.#failures = failingSince === undefined ? 0 : 1;
  }

  /** How often in a row it was not reached. */
  get failures(): number {
    return this.#failures;
  }

  get mayTry(): boolean {
    return this.#clock.monotonicMs() >= this.#retryAtMs;
  }

  attempted(): void {
    this.#attemptedAtMs = this.#clock.monotonicMs();
  }

  reached(): void {
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#retryAtMs = -Infinity;
  }

  /** Gives times in milliseconds since 1970. It waits twice as long each time, but never more than a part of the outage. */
  failed(): { readonly failingSince: number; readonly retryAt: number } {
    const now = this.#clock.now();
    this.#failures += 1;
    this.#failingSince ??= now;
    const outageMs = Math.max(SHORT_OUTAGE_MS, (now - this.#failingSince) / PART_OF_OUTAGE);
    const mostMs = Math.min(this.#retryMsMax, outageMs);
    const delayMs = backoffMs(this.#failures, { leastMs: Math.min(LEAST_MS, mostMs), mostMs });
    this.#retryAtMs = this.#clock.monotonicMs() + delayMs;
    return { failingSince: this.#failingSince, retryAt: Math.round(now + delayMs) };
  }

  /** It may be tried again, if it was not just now. */
  heard(): void {
    this.#retryAtMs = Math.min(this.#retryAtMs, this.#attemptedAtMs + HEARD_MS);
  }
}
