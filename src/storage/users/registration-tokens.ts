/** Owns writing the tokens that allow registration. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const insertToken = statement<never>(
  'insert_registration_token',
  'insert into registration_tokens (token, created_at) values ($1, $2)',
);

/** Stores a token that may be used for ever and by anybody. */
export async function persistRegistrationToken(db: ReadTx, token: string, createdAt: number): Promise<void> {
  await db.query(insertToken, [token, createdAt]);
}

const insertInvitation = statement<never>(
  'insert_invitation_token',
  'insert into registration_tokens (token, uses_allowed, expires_at, created_at) values ($1, 1, $2, $3)',
);

/** Stores a token with which one person may register until it expires. */
export async function persistInvitationToken(
  db: ReadTx,
  token: string,
  times: { readonly createdAt: number; readonly expiresAt: number },
): Promise<void> {
  await db.query(insertInvitation, [token, times.expiresAt, times.createdAt]);
}

const countUse = statement<{ token: string }>(
  'count_registration_token_use',
  `update registration_tokens set completed = completed + 1
   where token = $1 and (uses_allowed is null or completed < uses_allowed) and (expires_at is null or expires_at > $2)
   returning token`,
);

/** Counts one use. False when the token has expired, is used up or is gone. */
export async function countRegistrationTokenUse(tx: Tx, token: string, now: number): Promise<boolean> {
  return (await tx.query(countUse, [token, now])).length === 1;
}
