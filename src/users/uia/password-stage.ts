/** Owns the stage in which the owner of an account proves it by the password. */
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { findAccountByNid } from '#storage/users/find-account.ts';
import { findLocalUserId } from '#users/local-user-id.ts';
import type { PasswordAttempts } from '#users/password-attempts.ts';
import { failStage, type StageVerdict } from '#users/uia/stages.ts';
import { findNamedUser, type NamedUser } from '#users/user-identifier.ts';

export type PasswordStageParts = {
  readonly database: Database;
  readonly config: { readonly serverName: string };
  readonly isLocal: (id: string) => boolean;
  readonly passwordAttempts: PasswordAttempts;
};

export type PasswordAuth = NamedUser & { readonly password?: string };

/**
 * Judges a password for an account. Throws M_FORBIDDEN when the client names another user, since no password could mend
 * that, and what `PasswordAttempts` throws. Specification: Client-Server API, "Password-based".
 */
export async function checkPasswordStage(
  parts: PasswordStageParts,
  userNid: number,
  auth: PasswordAuth,
): Promise<StageVerdict> {
  const account = await findAccountByNid(parts.database, userNid);
  if (account === undefined) return failStage('The user name or the password is wrong.');
  const named = findNamedUser(auth);
  // Some clients send the password alone: the access token says whose it is.
  if (named !== undefined && findLocalUserId(named, { ...parts.config, isLocal: parts.isLocal }) !== account.userId) {
    throw new MatrixError('M_FORBIDDEN', 'The stage must be completed by the user whose access token it is.');
  }
  if (auth.password === undefined) return failStage('The stage needs a "password".', 'M_MISSING_PARAM');
  const fits = await parts.passwordAttempts.check(account.userId, account.passwordHash ?? undefined, auth.password);
  return fits ? { passed: true } : failStage('The user name or the password is wrong.');
}
