/** Owns the keys by which devices sign: what their signatures are checked with. */
import { findDeviceSigningKey } from '#matrix/device-keys.ts';
import type { ReadTx } from '#storage/database.ts';
import { findKeysOfDevices } from '#storage/users/keys/find-device-keys.ts';

const ED25519 = 'ed25519:';

/** The public keys of those of a user's devices that have these key ids (`ed25519:DEVICE`), by key id. */
export async function findDeviceSigningKeys(
  db: ReadTx,
  userNid: number,
  keyIds: readonly string[],
): Promise<Map<string, string>> {
  const deviceIds = keyIds.flatMap((keyId) => (keyId.startsWith(ED25519) ? [keyId.slice(ED25519.length)] : []));
  const found = new Map<string, string>();
  if (deviceIds.length === 0) return found;
  for (const { deviceId, signedText } of await findKeysOfDevices(db, userNid, deviceIds)) {
    const publicKey = findDeviceSigningKey(signedText, deviceId);
    if (publicKey !== undefined) found.set(ED25519 + deviceId, publicKey);
  }
  return found;
}
