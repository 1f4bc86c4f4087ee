/** Owns token buckets: how often each of many callers may do one thing, in bounded memory. */
import type { Clock } from '#core/clock.ts';

/** A bucket holds `burst` tokens and gains `perSecond` of them each second. */
export type BucketSize = { readonly perSecond: number; readonly burst: number };

export type TokenBuckets = {
  /** Takes a token out of the caller's bucket: 0 when there was one, else the milliseconds until there will be. */
  readonly take: (caller: string) => number;
  /** Puts back a token that was taken. */
  readonly giveBack: (caller: string) => void;
};

type Bucket = { tokens: number; atMs: number };

/** Buckets of `countMax` callers are remembered; beyond it the one that was quiet longest is forgotten. */
export function createTokenBuckets({ perSecond, burst }: BucketSize, clock: Clock, countMax: number): TokenBuckets {
  const buckets = new Map<string, Bucket>();
  return {
    take(caller) {
      const nowMs = clock.monotonicMs();
      const known = buckets.get(caller);
      const bucket = known ?? { tokens: burst, atMs: nowMs };
      bucket.tokens = Math.min(burst, bucket.tokens + ((nowMs - bucket.atMs) * perSecond) / 1000);
      bucket.atMs = nowMs;
      // Deleting first keeps the map in order of last use, so that its first key is the one to forget.
      if (known !== undefined) buckets.delete(caller);
      else if (buckets.size >= countMax) buckets.delete(buckets.keys().next().value ?? caller);
      buckets.set(caller, bucket);

      // What tiny errors of addition leave short of a whole token counts as one.
      if (bucket.tokens >= 1 - 1e-9) {
        bucket.tokens = Math.max(0, bucket.tokens - 1);
        return 0;
      }
      return Math.max(1, Math.ceil(((1 - bucket.tokens) * 1000) / perSecond));
    },
    giveBack(caller) {
      const bucket = buckets.get(caller);
      if (bucket !== undefined) bucket.tokens = Math.min(burst, bucket.tokens + 1);
    },
  };
}
