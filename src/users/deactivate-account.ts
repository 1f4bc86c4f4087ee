/** Owns the end of an account. Its user id is never given to anybody again. */
import type { Clock } from '#core/clock.ts';
import type { Tx } from '#storage/database.ts';
import { replaceDirectoryTerms } from '#storage/users/directory-terms.ts';
import { deleteKeysOfUser } from '#storage/users/keys/delete-keys.ts';
import { deleteAccountRows, persistDeactivation } from '#storage/users/update-account.ts';
import { persistWorkItem } from '#storage/work-items.ts';
import { forgetAccount } from '#streams/forget-account.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import { removeDevicesIn, type DeviceRemovalParts } from '#users/remove-devices.ts';

export type DeactivationParts = DeviceRemovalParts & {
  readonly clock: Clock;
  readonly workWaiting: () => void;
  readonly streams: { readonly events: { readonly horizon: number } };
  readonly erasedUsers: Pick<ErasedUsers, 'read'>;
};

/** What is left to do once an account is deactivated, as `work_items` holds it. */
export type DeactivationPayload = {
  readonly userId: string;
  readonly userNid: number;
  /** Rooms up to this number have been left. */
  readonly afterNid: number;
};

/**
 * Ends all sessions, forgets password and profile, and has the user leave all rooms and reject all invitations, which
 * goes on after the answer. With `isErased`, what clients have stored goes too, and who joins a room from now on gets the
 * user's messages redacted. `alongside` runs first, in the same transaction.
 * Specification: Client-Server API, "Account deactivation".
 */
export async function deactivateAccount(
  parts: DeactivationParts,
  account: { readonly userId: string; readonly userNid: number; readonly isErased: boolean },
  alongside: (tx: Tx) => Promise<void>,
): Promise<void> {
  const { userId, userNid, isErased } = account;
  const now = parts.clock.now();
  const erasedPos = isErased ? parts.streams.events.horizon : undefined;
  const removed = await parts.streams.write('deviceLists', async (tx) => {
    await alongside(tx);
    if (!(await persistDeactivation(tx, userNid, now, erasedPos))) return [];
    const payload: DeactivationPayload = { userId, userNid, afterNid: 0 };
    await persistWorkItem(
      tx,
      { kind: 'account_deactivated', key: String(userNid), payload: JSON.stringify(payload) },
      now,
    );
    const devices = await removeDevicesIn(tx, parts, { userNid, exceptDeviceNid: 0 });
    await deleteAccountRows(tx, userNid);
    await deleteKeysOfUser(tx, userNid);
    await replaceDirectoryTerms(tx, userNid, []);
    await forgetAccount(tx, userNid, isErased);
    return devices;
  });
  parts.authenticator.forgetDevices(removed);
  if (isErased) await parts.erasedUsers.read();
  parts.workWaiting();
}
