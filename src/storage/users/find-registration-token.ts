/** Owns reading the tokens that allow registration. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectUsable = statement<{ token: string }>(
  'select_usable_registration_token',
  `select token from registration_tokens
   where token = $1 and (uses_allowed is null or completed < uses_allowed) and (expires_at is null or expires_at > $2)`,
);

/** Whether somebody may register with the token at this time. It must hold no NUL. */
export async function isUsableRegistrationToken(db: ReadTx, token: string, now: number): Promise<boolean> {
  return (await db.query(selectUsable, [token, now])).length === 1;
}

const selectOldestUsable = statement<{ token: string }>(
  'select_oldest_registration_token',
  `select token from registration_tokens
   where uses_allowed is null and (expires_at is null or expires_at > $1)
   order by created_at, token limit 1`,
);

/** The oldest token with which any number of people may register at this time. */
export async function findOldestRegistrationToken(db: ReadTx, now: number): Promise<string | undefined> {
  const [row] = await db.query(selectOldestUsable, [now]);
  return row?.token;
}
