/** Owns the rate limits of one process: token buckets for each class of requests. */
import type { Clock } from '#core/clock.ts';
import { createTokenBuckets, type BucketSize, type TokenBuckets } from '#core/token-buckets.ts';
import type { RateLimitClass } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';

export type RateLimits = {
  readonly enabled: boolean;
  readonly classes: { readonly [Name in Exclude<RateLimitClass, 'none'> | 'federation']: BucketSize };
  /** Of one other server, under way at a time. */
  readonly serverRequestsMax: number;
};

/** What a caller is told who is to wait. Specification: Client-Server API, "Rate limiting". */
export function limitExceeded(waitMs: number): MatrixError {
  return new MatrixError('M_LIMIT_EXCEEDED', 'Too many requests: wait before you try again.', {
    fields: { retry_after_ms: waitMs },
  });
}

/** Takes one request of `caller` out of its bucket: 0 when it may go on, else the milliseconds to wait. */
export type CheckRateLimit = (limitClass: RateLimitClass, caller: string) => number;

const BUCKETS_MAX = 100_000;

/** Of each class `bucketsMax` callers are remembered; beyond it the one who has been quiet longest is forgotten. */
export function createRateLimiter(limits: RateLimits, clock: Clock, bucketsMax = BUCKETS_MAX): CheckRateLimit {
  const classes = new Map<RateLimitClass, TokenBuckets>();
  return (limitClass, caller) => {
    if (!limits.enabled || limitClass === 'none') return 0;
    let buckets = classes.get(limitClass);
    if (buckets === undefined) {
      classes.set(limitClass, (buckets = createTokenBuckets(limits.classes[limitClass], clock, bucketsMax)));
    }
    return buckets.take(caller);
  };
}
