/** Owns the stored tokens by which users prove to other services who they are. */
import { statement, type ReadTx } from '#storage/database.ts';

const insertToken = statement<never>(
  'insert_openid_token',
  'insert into openid_tokens (token_hash, user_nid, expires_at) values ($1, $2, $3)',
);

/** Stores a token. Times are milliseconds since the Unix epoch. */
export async function persistOpenidToken(
  db: ReadTx,
  token: { readonly tokenHash: Buffer; readonly userNid: number; readonly expiresAt: number },
): Promise<void> {
  await db.query(insertToken, [token.tokenHash, token.userNid, token.expiresAt]);
}
