/** Owns when a server that was not reached is tried again. */
import { backoffMs } from '#core/backoff.ts';

const LEAST_MS = 1_000;
/** A server that comes back is found within a tenth of the time for which it was away, or within half a minute. */
const SHORT_OUTAGE_MS = 30_000;
const PART_OF_OUTAGE = 10;

/** Doubles with each failure, but is never more than a part of the outage. */
export function retryDelayMs(failures: number, failingMs: number, mostMs: number): number {
  const bound = Math.max(SHORT_OUTAGE_MS, failingMs / PART_OF_OUTAGE);
  return backoffMs(failures, { leastMs: LEAST_MS, mostMs: Math.min(mostMs, bound) });
}
