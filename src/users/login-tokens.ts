/** Owns login tokens: with one, a device of a user lets another device log in, once and soon. */
import type { Clock } from '#core/clock.ts';
import { randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database, Tx } from '#storage/database.ts';
import { findAccountByNid } from '#storage/users/find-account.ts';
import { persistLoginToken, takeLoginToken } from '#storage/users/login-tokens.ts';
import { hashToken } from '#users/authenticate.ts';
import { requireUnlocked, type LoginAccount } from '#users/log-in.ts';

/** The specification recommends two minutes. */
export const LOGIN_TOKEN_LIFETIME_MS = 120_000;

export type LoginTokenParts = { readonly database: Database; readonly clock: Clock };

/** Makes a token for the user; `alongside` runs first, in the same transaction. */
export async function createLoginToken(
  { database, clock }: LoginTokenParts,
  userNid: number,
  alongside: (tx: Tx) => Promise<void>,
): Promise<string> {
  const token = randomToken(32);
  const expiresAt = clock.now() + LOGIN_TOKEN_LIFETIME_MS;
  await database.transaction(async (tx) => {
    await alongside(tx);
    await persistLoginToken(tx, { tokenHash: hashToken(token), userNid, expiresAt });
  });
  return token;
}

/**
 * The account that a token lets in, which uses the token up. Throws M_FORBIDDEN for a token that is none, and
 * M_USER_LOCKED. Specification: Client-Server API, "Login", `m.login.token`.
 */
export async function requireTokenLogin({ database, clock }: LoginTokenParts, token: string): Promise<LoginAccount> {
  const userNid = await database.transaction((tx) => takeLoginToken(tx, hashToken(token), clock.now()));
  const account = userNid === undefined ? undefined : await findAccountByNid(database, userNid);
  if (account?.deactivatedAt !== null) {
    throw new MatrixError('M_FORBIDDEN', 'The login token is not known, was used already or has expired.');
  }
  return requireUnlocked(account);
}
