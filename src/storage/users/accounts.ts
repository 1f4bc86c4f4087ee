/** Owns writing users and their accounts. */
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

export type NewAccount = {
  readonly userNid: number;
  readonly passwordHash: string | undefined;
  readonly isAdmin: boolean;
  readonly createdAt: number;
};

const insertAccount = statement<{ user_nid: number }>(
  'insert_account',
  `insert into accounts (user_nid, password_hash, is_admin, created_at) values ($1, $2, $3, $4)
   on conflict (user_nid) do nothing returning user_nid`,
);

/** Whether the account was stored; false when the user has one already. Waits for another transaction that tries it. */
export async function persistAccount(tx: Tx, account: NewAccount): Promise<boolean> {
  const { userNid, passwordHash, isAdmin, createdAt } = account;
  const rows = await tx.query(insertAccount, [userNid, passwordHash ?? null, isAdmin, createdAt]);
  return rows.length === 1;
}
