/** Owns setting up a new server in a browser: whoever holds the link that its start prints makes the first administrator. */
import { randomToken } from '#core/random.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { ensureSetUpToken, isWithoutAccounts, takeSetUpToken } from '#storage/set-up-token.ts';
import { createAccount, type CreateAccountParts, type CreatedAccount } from '#users/create-account.ts';

const tokenBytes = 18;

/** The token for the link; undefined once there is an account. It is the same at every start, until it is used. */
export async function findSetUpToken(database: Database): Promise<string | undefined> {
  if (!(await isWithoutAccounts(database))) return undefined;
  const token = await database.transaction((tx) =>
    ensureSetUpToken(tx, Buffer.from(randomToken(tokenBytes), 'base64url')),
  );
  return token.toString('base64url');
}

export type SetUpRequest = { readonly token: string; readonly localpart: string; readonly password: string };

/**
 * Makes the first administrator and uses the token up, both or neither. Throws M_FORBIDDEN for a token that is wrong or
 * used, and when there is an account already; else as `createAccount` does.
 */
export async function setUp(parts: CreateAccountParts, request: SetUpRequest): Promise<CreatedAccount> {
  const { localpart, password } = request;
  return createAccount(parts, { localpart, password, admin: true }, async (tx) => {
    const token = Buffer.from(request.token, 'base64url');
    // Several texts may stand for the same bytes; only the one that was printed is the token.
    const isExact = token.toString('base64url') === request.token;
    const isTaken = isExact && (await takeSetUpToken(tx, token));
    if (!isTaken || !(await isWithoutAccounts(tx))) {
      throw new MatrixError('M_FORBIDDEN', 'This link has been used, or is not the one that the server has printed.');
    }
  });
}
