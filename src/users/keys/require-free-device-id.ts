/** Owns keeping the IDs of devices apart from those of cross-signing keys. */
import { isPublicKey } from '#matrix/cross-signing-keys.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Tx } from '#storage/database.ts';
import { lockAccountForKeys } from '#storage/users/keys/cross-signing-keys.ts';
import { findOwnCrossSigningKeys } from '#storage/users/keys/find-cross-signing-keys.ts';

/**
 * Passes a device ID that is not that of a cross-signing key of the user, and none becomes so before the transaction ends.
 * Throws M_FORBIDDEN. Specification: Client-Server API, "Cross-signing".
 */
export async function requireFreeDeviceId(tx: Tx, userNid: number, deviceId: string): Promise<void> {
  if (!isPublicKey(deviceId)) return;
  await lockAccountForKeys(tx, userNid);
  const keys = await findOwnCrossSigningKeys(tx, userNid);
  if (keys.some(({ publicKey }) => publicKey === deviceId)) {
    throw new MatrixError('M_FORBIDDEN', 'This device ID is the ID of one of your cross-signing keys.');
  }
}
