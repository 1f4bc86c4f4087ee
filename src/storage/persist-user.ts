/** Owns giving a user its number inside a transaction, for what is written beside it. */
import { statement, type Tx } from '#storage/database.ts';

const insertUser = statement<{ user_nid: number }>(
  'insert_user',
  'insert into users (user_id) values ($1) on conflict (user_id) do nothing returning user_nid',
);
const selectUserNid = statement<{ user_nid: number }>(
  'select_user_nid',
  'select user_nid from users where user_id = $1',
);

/** The number of a user id, which is given out on first sight. It holds only when the transaction commits. */
export async function persistUser(tx: Tx, userId: string): Promise<number> {
  const [made] = await tx.query(insertUser, [userId]);
  // A row that another transaction has just committed is not returned, but the next statement sees it.
  const [row] = made === undefined ? await tx.query(selectUserNid, [userId]) : [made];
  if (row === undefined) throw new Error(`A user vanished while it was stored: ${userId}`);
  return row.user_nid;
}
