/** Owns reading whose an OpenID token is. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectOwner = statement<{ user_id: string }>(
  'select_openid_token_owner',
  `select u.user_id from openid_tokens t
   join accounts a on a.user_nid = t.user_nid join users u on u.user_nid = t.user_nid
   where t.token_hash = $1 and t.expires_at > $2 and a.deactivated_at is null and a.locked_at is null`,
);

/** The user id, if the token is good now and so is the account. */
export async function findOpenidUser(db: ReadTx, tokenHash: Buffer, now: number): Promise<string | undefined> {
  return (await db.query(selectOwner, [tokenHash, now]))[0]?.user_id;
}
