/** Owns how many one-time keys of one device one claimer gets, so that nobody uses up what others need. */
import type { Clock } from '#core/clock.ts';
import { createTokenBuckets, type BucketSize } from '#core/token-buckets.ts';

const PAIRS_MAX = 100_000;

export type ClaimLimits = {
  /** Whether a claimer, a user of this server or another server, may still have a one-time key of a device; it counts as had. */
  readonly take: (claimer: string, device: { readonly userId: string; readonly deviceId: string }) => boolean;
};

/** The counts of one process. */
export function createClaimLimits(
  limits: { readonly enabled: boolean; readonly claimedKeys: BucketSize },
  clock: Clock,
): ClaimLimits {
  const buckets = createTokenBuckets(limits.claimedKeys, clock, PAIRS_MAX);
  return {
    take: (claimer, { userId, deviceId }) =>
      !limits.enabled || buckets.take(JSON.stringify([claimer, userId, deviceId])) === 0,
  };
}
