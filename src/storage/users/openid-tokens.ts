/** Owns the stored tokens by which users prove to other services who they are. */
import { statement, type ReadTx } from '#storage/database.ts';

const insertToken = statement<never>(
  'insert_openid_token',
  `with expired as (
     delete from openid_tokens where token_hash in (
       select token_hash from openid_tokens where expires_at < $4 order by expires_at limit 100 for update skip locked))
   insert into openid_tokens (token_hash, user_nid, expires_at) values ($1, $2, $3)`,
);

/** Stores a token, and clears away some that have expired. Times are milliseconds since the Unix epoch. */
export async function persistOpenidToken(
  db: ReadTx,
  token: { readonly tokenHash: Buffer; readonly userNid: number; readonly expiresAt: number },
  now: number,
): Promise<void> {
  await db.query(insertToken, [token.tokenHash, token.userNid, token.expiresAt, now]);
}
