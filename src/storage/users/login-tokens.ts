/** Owns the stored tokens with which somebody may log in once. */
import { statement, type Tx } from '#storage/database.ts';

const insertLoginToken = statement<never>(
  'insert_login_token',
  'insert into login_tokens (token_hash, user_nid, expires_at) values ($1, $2, $3)',
);

/** Stores a token. Times are milliseconds since the Unix epoch. */
export async function persistLoginToken(
  tx: Tx,
  token: { readonly tokenHash: Buffer; readonly userNid: number; readonly expiresAt: number },
): Promise<void> {
  await tx.query(insertLoginToken, [token.tokenHash, token.userNid, token.expiresAt]);
}

const takeToken = statement<{ user_nid: number; expires_at: number }>(
  'take_login_token',
  'delete from login_tokens where token_hash = $1 returning user_nid, expires_at',
);

/** Uses a token up. Gives whose it is, unless it has expired, was used or never was. */
export async function takeLoginToken(tx: Tx, tokenHash: Buffer, now: number): Promise<number | undefined> {
  const [token] = await tx.query(takeToken, [tokenHash]);
  return token !== undefined && token.expires_at > now ? token.user_nid : undefined;
}
