/** Owns guests: accounts without a password, which may do little, and may become those of users. */
import { MatrixError } from '#matrix/error.ts';
import type { Database, Tx } from '#storage/database.ts';
import { findTokenOwner } from '#storage/users/find-token-owner.ts';
import { persistGuestUpgrade } from '#storage/users/update-account.ts';
import { hashToken, type Authenticator } from '#users/authenticate.ts';
import {
  createAccount,
  generateLocalpart,
  type CreateAccountParts,
  type CreatedAccount,
} from '#users/create-account.ts';
import { findLocalUserId } from '#users/local-user-id.ts';
import { hashPassword } from '#users/passwords.ts';

export type GuestParts = CreateAccountParts & {
  readonly config: { readonly registration: { readonly guests: boolean } };
};

/** Throws M_GUEST_ACCESS_FORBIDDEN where there are no guests. Specification: Client-Server API, "Guest Access". */
export async function registerGuest(parts: GuestParts): Promise<CreatedAccount> {
  if (!parts.config.registration.guests) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'This server has no guest accounts.');
  }
  return createAccount(parts, { localpart: generateLocalpart(), isGuest: true });
}

/** A guest with the device of the token. */
export type Guest = CreatedAccount & { readonly deviceNid: number };

/** The guest whose token it is, if `username` is their name. Throws M_MISSING_PARAM and M_FORBIDDEN. */
export async function requireUpgradableGuest(
  { database, config }: { readonly database: Database; readonly config: { readonly serverName: string } },
  guestAccessToken: string,
  username: string | undefined,
): Promise<Guest> {
  if (username === undefined)
    throw new MatrixError('M_MISSING_PARAM', 'A guest keeps the name: give it as "username".');
  const owner = await findTokenOwner(database, hashToken(guestAccessToken));
  const named = findLocalUserId(username, { serverName: config.serverName, isLocal: () => true });
  if (owner?.isGuest !== true || owner.isLocked || owner.userId !== named) {
    throw new MatrixError('M_FORBIDDEN', '"guest_access_token" is not the token of a guest of this name.');
  }
  const { userId, userNid, deviceNid } = owner;
  return { userId, userNid, deviceNid };
}

type UpgradeParts = {
  readonly database: Database;
  readonly authenticator: Pick<Authenticator, 'forgetDevices'>;
};

/**
 * Gives a guest's account a password and all that users may do. `alongside` runs first, in the same transaction. Throws
 * M_USER_IN_USE when somebody was faster.
 */
export async function upgradeGuest(
  { database, authenticator }: UpgradeParts,
  { userId, userNid, deviceNid }: Guest,
  password: string,
  alongside: (tx: Tx) => Promise<void>,
): Promise<void> {
  const passwordHash = await hashPassword(password);
  await database.transaction(async (tx) => {
    await alongside(tx);
    if (!(await persistGuestUpgrade(tx, userNid, passwordHash))) {
      throw new MatrixError('M_USER_IN_USE', `${userId} is no guest any more.`);
    }
  });
  // Whose token is remembered as a guest's.
  authenticator.forgetDevices([deviceNid]);
}
