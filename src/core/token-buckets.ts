/** Owns token buckets: how often each of many callers may do one thing, in bounded memory. */
import type { Clock } from '#core/clock.ts';

/** A bucket holds `burst` tokens and gains `perSecond` of them each second. */
export type BucketSize = { readonly perSecond: number; readonly burst: number };

export type TokenBuckets = {
  /** Takes a token out of the caller's bucket: 0 when there was one, else the milliseconds until there will be. */
  readonly take: (caller: string) => number;
  /** What `take` would give, with nothing taken. */
  readonly waitMs: (caller: string) => number;
  /** Puts back a token that was taken. */
  readonly giveBack: (caller: string) => void;
};

type Bucket = { tokens: number; atMs: number };

/** Buckets of `countMax` callers are remembered; beyond it the one that was quiet longest is forgotten. */
export function createTokenBuckets({ perSecond, burst }: BucketSize, clock: Clock, countMax: number): TokenBuckets {
  const buckets = new Map<string, Bucket>();
  const tokensNow = ({ tokens, atMs }: Bucket, nowMs: number): number =>
    Math.min(burst, tokens + ((nowMs - atMs) * perSecond) / 1000);
  // What tiny errors of addition leave short of a whole token counts as one.
  const waitFor = (tokens: number): number =>
    tokens >= 1 - 1e-9 ? 0 : Math.max(1, Math.ceil(((1 - tokens) * 1000) / perSecond));
  return {
    take(caller) {
      const nowMs = clock.monotonicMs();
      const known = buckets.get(caller);
      const bucket = known ?? { tokens: burst, atMs: nowMs };
      bucket.tokens = tokensNow(bucket, nowMs);
      bucket.atMs = nowMs;
      // Deleting first keeps the map in order of last use, so that its first key is the one to forget.
      if (known !== undefined) buckets.delete(caller);
      else if (buckets.size >= countMax) buckets.delete(buckets.keys().next().value ?? caller);
      buckets.set(caller, bucket);
      const waitMs = waitFor(bucket.tokens);
      if (waitMs === 0) bucket.tokens = Math.max(0, bucket.tokens - 1);
      return waitMs;
    },
    waitMs(caller) {
      const bucket = buckets.get(caller);
      return bucket === undefined ? 0 : waitFor(tokensNow(bucket, clock.monotonicMs()));
    },
    giveBack(caller) {
      const bucket = buckets.get(caller);
      if (bucket !== undefined) bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
  };
}
