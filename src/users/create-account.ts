/** Owns making accounts, for whoever registers and for the command line. */
import type { Clock } from '#core/clock.ts';
import { randomString } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import { persistUser } from '#storage/persist-user.ts';
import { persistAccount } from '#storage/users/accounts.ts';
import { findAccount } from '#storage/users/find-account.ts';
import type { Database, Tx } from '#storage/database.ts';
import { replaceDirectoryTerms } from '#storage/users/directory-terms.ts';
import { localpartOf } from '#matrix/ids.ts';
import { buildDirectoryTerms } from '#users/directory-terms.ts';
import { requireNewUserId } from '#users/local-user-id.ts';
import { hashPassword, requireAcceptablePassword, type PasswordRules } from '#users/passwords.ts';
import { requireUnreserved } from '#users/reserved-names.ts';

export type CreateAccountParts = PasswordRules & {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: { readonly serverName: string };
};

export type AccountRequest = {
  readonly localpart: string;
  /** Without one nobody can log in by password. */
  readonly password?: string | undefined;
  readonly admin?: boolean;
  readonly isGuest?: boolean;
  /** For the server itself, under one of the names that nobody may register. */
  readonly isReserved?: boolean;
};

export type CreatedAccount = { readonly userId: string; readonly userNid: number };

type NameParts = Pick<CreateAccountParts, 'database'> & { readonly config: { readonly serverName: string } };

/**
 * The user id for a name, if it is valid, free at this moment and for users. Throws M_INVALID_USERNAME, M_USER_IN_USE or
 * M_EXCLUSIVE.
 */
export async function requireAvailableUserId(parts: NameParts, localpart: string): Promise<string> {
  requireUnreserved(localpart);
  return requireFreeUserId(parts, localpart);
}

async function requireFreeUserId({ database, config }: NameParts, localpart: string): Promise<string> {
  const userId = requireNewUserId(localpart, config.serverName);
  if ((await findAccount(database, userId)) !== undefined) throw inUse(userId);
  return userId;
}

/**
 * Makes an account. `alongside` writes what must be atomic with it, before it; what it throws undoes both.
 * Throws M_INVALID_USERNAME, M_EXCLUSIVE, M_USER_IN_USE (also when somebody is faster), M_WEAK_PASSWORD, M_INVALID_PARAM, and 503
 * when too many passwords wait to be hashed.
 */
export async function createAccount(
  parts: CreateAccountParts,
  { localpart, password, admin = false, isGuest = false, isReserved = false }: AccountRequest,
  alongside?: (tx: Tx) => Promise<void>,
): Promise<CreatedAccount> {
  if (password !== undefined) requireAcceptablePassword(parts, password);
  // Asked first too, so that a name that is taken costs no hash.
  const userId = await (isReserved ? requireFreeUserId : requireAvailableUserId)(parts, localpart);
  const passwordHash = password === undefined ? undefined : await hashPassword(password);
  const createdAt = parts.clock.now();
  return parts.database.transaction(async (tx) => {
    await alongside?.(tx);
    const userNid = await persistUser(tx, userId);
    if (!(await persistAccount(tx, { userNid, passwordHash, isAdmin: admin, isGuest, createdAt }))) throw inUse(userId);
    await replaceDirectoryTerms(tx, userNid, buildDirectoryTerms(localpartOf(userId), null));
    return { userId, userNid };
  });
}

function inUse(userId: string): MatrixError {
  return new MatrixError('M_USER_IN_USE', `The user ID ${userId} is taken.`);
}

/** A name for somebody who does not ask for one; without letters and digits that look alike. */
export function generateLocalpart(): string {
  return randomString(12, 'abcdefghijkmnpqrstuvwxyz23456789');
}
