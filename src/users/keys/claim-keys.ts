/** Owns claiming one-time keys of devices of this server. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import { appendKeyCountChange } from '#streams/device-list-changes.ts';
import type { Streams } from '#streams/streams.ts';
import type { ClaimLimits } from '#users/keys/claim-limits.ts';
import { claimKeysOfDevices, type ClaimedKey, type KeyClaim } from '#storage/users/keys/claim-keys.ts';

const CLAIMS_MAX = 5_000;

/** What a claim has given, with the text of the key. */
export type NamedClaim = Pick<ClaimedKey, 'userId' | 'deviceId' | 'algorithm' | 'keyId' | 'json'>;

/** By user id and device id the algorithm. */
export type KeysClaim = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Throws M_TOO_LARGE. */
export function requireFewClaims(claim: KeysClaim): void {
  let count = 0;
  for (const devices of Object.values(claim)) count += Object.keys(devices).length;
  if (count > CLAIMS_MAX) {
    throw new MatrixError('M_TOO_LARGE', `Keys of at most ${CLAIMS_MAX} devices can be claimed at once.`);
  }
}

/**
 * Claims keys of users of this server in one statement, and tells their devices. Whoever has claimed too many of a device of
 * late gets its fallback key. Devices without keys, and users without such devices, are left out. Specification: Client-Server API, `POST /keys/claim`.
 */
export async function claimKeys(
  parts: { readonly streams: Pick<Streams, 'write'>; readonly clock: Clock; readonly claimLimits: ClaimLimits },
  /** The id of a user, or the name of a server. */
  claimer: string,
  claim: KeysClaim,
): Promise<readonly ClaimedKey[]> {
  const { streams, clock, claimLimits } = parts;
  const claims: KeyClaim[] = [];
  for (const [userId, devices] of Object.entries(claim)) {
    for (const [deviceId, algorithm] of Object.entries(devices)) {
      // The database has no NUL in texts, so nothing is found by such a one.
      if (!isUserId(userId) || `${deviceId}${algorithm}`.includes('\0')) continue;
      const onlyFallback = !claimLimits.take(claimer, { userId, deviceId });
      claims.push({ userId, deviceId, algorithm, onlyFallback });
    }
  }
  if (claims.length === 0) return [];
  return streams.write('deviceLists', async (tx) => {
    const keys = await claimKeysOfDevices(tx, claims, clock.now());
    for (const key of keys) appendKeyCountChange(tx, key);
    return keys;
  });
}

/** The keys as JSON text, by user id, device id and name of the key. */
export function claimedJson(claimed: readonly NamedClaim[]): string {
  const users = Map.groupBy(claimed, ({ userId }) => userId);
  const members = Array.from(
    users,
    ([userId, keys]) => `${JSON.stringify(userId)}:{${keys.map(deviceJson).join(',')}}`,
  );
  return `{${members.join(',')}}`;
}

function deviceJson({ deviceId, algorithm, keyId, json }: NamedClaim): string {
  return `${JSON.stringify(deviceId)}:{${JSON.stringify(`${algorithm}:${keyId}`)}:${json}}`;
}
