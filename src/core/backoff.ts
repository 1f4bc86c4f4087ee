/** Owns how long to wait before something is tried again: longer each time up to a limit, and never in step with others. */
import { randomInt } from 'node:crypto';

const FRACTIONS = 2 ** 20;

export type BackoffBounds = { readonly leastMs: number; readonly mostMs: number };

/**
 * The milliseconds before attempt `failures` + 1. Doubles with each failure, from between `leastMs` and its half more, and
 * is never above `mostMs`, for any number of failures.
 */
export function backoffMs(failures: number, { leastMs, mostMs }: BackoffBounds): number {
  const doubled = leastMs * 2 ** Math.min(Math.max(0, failures - 1), 40);
  return Math.min(mostMs, doubled * (1 + randomInt(FRACTIONS) / FRACTIONS / 2));
}

/** Resolves after that time. */
export function backOff(failures: number, bounds: BackoffBounds): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, backoffMs(failures, bounds)));
}
