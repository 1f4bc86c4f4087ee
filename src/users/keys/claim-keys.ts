/** Owns claiming one-time keys of devices of this server. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import { appendKeyCountChange } from '#streams/device-list-changes.ts';
import type { Streams } from '#streams/streams.ts';
import { claimKeysOfDevices, type ClaimedKey, type KeyClaim } from '#storage/users/keys/claim-keys.ts';

const CLAIMS_MAX = 5_000;

/** By user id and device id the algorithm. */
export type KeysClaim = Readonly<Record<string, Readonly<Record<string, string>>>>;

/**
 * Claims keys in one statement, tells their devices and gives them as JSON text, by user id, device id and name of the key. Devices without
 * keys, and users without such devices, are left out. Throws M_TOO_LARGE.
 * Specification: Client-Server API, `POST /keys/claim`.
 */
export async function claimKeys(
  { streams, clock }: { readonly streams: Pick<Streams, 'write'>; readonly clock: Clock },
  claim: KeysClaim,
): Promise<string> {
  const claims: KeyClaim[] = [];
  for (const [userId, devices] of Object.entries(claim)) {
    for (const [deviceId, algorithm] of Object.entries(devices)) {
      // The database has no NUL in texts, so nothing is found by such a one.
      if (isUserId(userId) && !`${deviceId}${algorithm}`.includes('\0')) claims.push({ userId, deviceId, algorithm });
    }
  }
  if (claims.length > CLAIMS_MAX) {
    throw new MatrixError('M_TOO_LARGE', `Keys of at most ${CLAIMS_MAX} devices can be claimed at once.`);
  }
  if (claims.length === 0) return '{}';
  const claimed = await streams.write('deviceLists', async (tx) => {
    const keys = await claimKeysOfDevices(tx, claims, clock.now());
    for (const key of keys) appendKeyCountChange(tx, key);
    return keys;
  });
  return claimedJson(claimed);
}

function claimedJson(claimed: readonly ClaimedKey[]): string {
  const users = Map.groupBy(claimed, ({ userId }) => userId);
  const members = Array.from(
    users,
    ([userId, keys]) => `${JSON.stringify(userId)}:{${keys.map(deviceJson).join(',')}}`,
  );
  return `{${members.join(',')}}`;
}

function deviceJson({ deviceId, algorithm, keyId, json }: ClaimedKey): string {
  return `${JSON.stringify(deviceId)}:{${JSON.stringify(`${algorithm}:${keyId}`)}:${json}}`;
}
