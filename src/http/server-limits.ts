/** Owns how often another server may ask, and how many of its requests may be under way at a time. */
import type { ServerResponse } from 'node:http';
import type { Clock } from '#core/clock.ts';
import { createTokenBuckets } from '#core/token-buckets.ts';
import { limitExceeded, type RateLimits } from '#http/rate-limit.ts';

export type ServerLimits = {
  /** Throws M_LIMIT_EXCEEDED while the server has asked too often. Nothing is counted: nobody has signed yet. */
  readonly requireTimely: (origin: string) => void;
  /** Counts a request that the server has signed, until the answer is over. Throws M_LIMIT_EXCEEDED. */
  readonly enter: (origin: string, response: ServerResponse) => void;
};

/** Beyond it the server that was quiet longest begins anew. */
const SERVERS_MAX = 20_000;
/** What a server is told that has too much under way: nobody knows when any of it is done. */
const BUSY_RETRY_MS = 1_000;

/** `countLimited` is told of each refusal. */
export function createServerLimits(parts: {
  readonly rateLimits: Pick<RateLimits, 'enabled' | 'serverRequestsMax'> & {
    readonly classes: Pick<RateLimits['classes'], 'federation'>;
  };
  readonly clock: Clock;
  readonly countLimited: () => void;
}): ServerLimits {
  const { enabled, classes, serverRequestsMax } = parts.rateLimits;
  const buckets = createTokenBuckets(classes.federation, parts.clock, SERVERS_MAX);
  /** By origin how many are under way; who has none is not in it. */
  const underWay = new Map<string, number>();
  const refuse = (waitMs: number): never => {
    parts.countLimited();
    throw limitExceeded(waitMs);
  };
  const leave = (origin: string): void => {
    const left = (underWay.get(origin) ?? 1) - 1;
    if (left > 0) underWay.set(origin, left);
    else underWay.delete(origin);
  };
  return {
    requireTimely(origin) {
      const waitMs = enabled ? buckets.waitMs(origin) : 0;
      if (waitMs > 0) refuse(waitMs);
    },
    enter(origin, response) {
      // Whose answer nobody waits for is not under way for long.
      if (!enabled || response.destroyed) return;
      const waitMs = buckets.take(origin);
      if (waitMs > 0) refuse(waitMs);
      const count = underWay.get(origin) ?? 0;
      if (count >= serverRequestsMax) refuse(BUSY_RETRY_MS);
      underWay.set(origin, count + 1);
      response.once('close', () => leave(origin));
    },
  };
}
