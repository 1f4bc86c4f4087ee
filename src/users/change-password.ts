/** Owns changing the password of an account. */
import { MatrixError } from '#matrix/error.ts';
import type { Tx } from '#storage/database.ts';
import { persistPasswordHash } from '#storage/users/update-account.ts';
import { hashPassword, requireAcceptablePassword, type PasswordRules } from '#users/passwords.ts';
import { removeDevicesIn, type DeviceRemovalParts } from '#users/remove-devices.ts';

export type PasswordChange = {
  readonly userNid: number;
  readonly newPassword: string;
  /** The device that asks, which stays logged in. */
  readonly deviceNid: number;
  /** Whether the other devices are removed. */
  readonly logOutOthers: boolean;
};

/**
 * `alongside` runs first, in the same transaction. Throws M_WEAK_PASSWORD, M_INVALID_PARAM, 503 when too many passwords
 * wait to be hashed, and M_UNKNOWN_TOKEN when the account was deactivated meanwhile.
 */
export async function changePassword(
  parts: DeviceRemovalParts & PasswordRules,
  change: PasswordChange,
  alongside: (tx: Tx) => Promise<void>,
): Promise<void> {
  const { userNid, newPassword, deviceNid, logOutOthers } = change;
  requireAcceptablePassword(parts, newPassword);
  const passwordHash = await hashPassword(newPassword);
  const removed = await parts.streams.write('deviceLists', async (tx) => {
    await alongside(tx);
    if (!(await persistPasswordHash(tx, userNid, passwordHash))) {
      throw new MatrixError('M_UNKNOWN_TOKEN', 'The account is deactivated.');
    }
    return logOutOthers ? removeDevicesIn(tx, parts, { userNid, exceptDeviceNid: deviceNid }) : [];
  });
  parts.authenticator.forgetDevices(removed);
}
