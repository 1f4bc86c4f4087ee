/** Owns the rate limits of one process: a token bucket per class and caller, in bounded memory. */
import type { Clock } from '#core/clock.ts';
import type { RateLimitClass } from '#http/endpoint.ts';

/** A bucket holds `burst` requests and gains `perSecond` of them each second. */
export type RateLimit = { readonly perSecond: number; readonly burst: number };

export type RateLimits = {
  readonly enabled: boolean;
  readonly classes: { readonly [Name in Exclude<RateLimitClass, 'none'>]: RateLimit };
};

/** Takes one request of `caller` out of its bucket: 0 when it may go on, else the milliseconds to wait. */
export type CheckRateLimit = (limitClass: RateLimitClass, caller: string) => number;

type Bucket = { tokens: number; atMs: number };

const BUCKETS_MAX = 100_000;

/** Of each class `bucketsMax` callers are remembered; beyond it the one who has been quiet longest is forgotten. */
export function createRateLimiter(limits: RateLimits, clock: Clock, bucketsMax = BUCKETS_MAX): CheckRateLimit {
  const classes = new Map<RateLimitClass, Map<string, Bucket>>();

  return (limitClass, caller) => {
    if (!limits.enabled || limitClass === 'none') return 0;
    const { perSecond, burst } = limits.classes[limitClass];
    let buckets = classes.get(limitClass);
    if (buckets === undefined) classes.set(limitClass, (buckets = new Map()));

    const nowMs = clock.monotonicMs();
    const known = buckets.get(caller);
    const bucket = known ?? { tokens: burst, atMs: nowMs };
    bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
    bucket.atMs = nowMs;
    // Deleting first keeps the map in order of last use, so that its first key is the one to forget.
    if (known !== undefined) buckets.delete(caller);
    else if (buckets.size >= bucketsMax) buckets.delete(buckets.keys().next().value ?? caller);
    buckets.set(caller, bucket);

    // What tiny errors of addition leave short of a whole token counts as one.
    if (bucket.tokens >= 1 - 1e-9) {
      bucket.tokens = Math.max(0, bucket.tokens - 1);
      return 0;
    }
    return Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / perSecond));
  };
}
