/** Owns the check of a login by password. */
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { findAccount, type StoredAccount } from '#storage/users/find-account.ts';
import { findLocalUserId } from '#users/local-user-id.ts';
import type { PasswordAttempts } from '#users/password-attempts.ts';

/** No user id is longer. */
const USER_LENGTH_MAX = 255;

/** Who has logged in. */
export type LoginAccount = { readonly userId: string; readonly userNid: number };

export type PasswordLoginParts = {
  readonly database: Database;
  readonly config: { readonly serverName: string };
  readonly isLocal: (id: string) => boolean;
  readonly passwordAttempts: PasswordAttempts;
};

/**
 * The account that a name and a password belong to. Throws the same M_FORBIDDEN after the same work for a wrong password
 * and for a user that does not exist, M_USER_LOCKED for the owner of a locked account, M_LIMIT_EXCEEDED after too many
 * wrong passwords, and 503 when too many wait.
 * Specification: Client-Server API, "Password-based" login.
 */
export async function requirePasswordLogin(
  { database, config, isLocal, passwordAttempts }: PasswordLoginParts,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<LoginAccount> {
  const userId = findLocalUserId(user, { serverName: config.serverName, isLocal });
  const account = userId === undefined ? undefined : await findAccount(database, userId);
  const mayLogIn = account?.deactivatedAt === null;
  const passwordHash = mayLogIn ? (account.passwordHash ?? undefined) : undefined;
  const fits = await passwordAttempts.check(userId ?? user.slice(0, USER_LENGTH_MAX), passwordHash, password);
  if (account === undefined || !fits) throw new MatrixError('M_FORBIDDEN', 'The user name or the password is wrong.');
  return requireUnlocked(account);
}

/** Throws M_USER_LOCKED for a locked account. Specification: Client-Server API, "Account locking". */
export function requireUnlocked(account: StoredAccount): LoginAccount {
  if (account.lockedAt !== null) {
    throw new MatrixError('M_USER_LOCKED', 'This account is locked.', { fields: { soft_logout: true } });
  }
  return { userId: account.userId, userNid: account.userNid };
}
