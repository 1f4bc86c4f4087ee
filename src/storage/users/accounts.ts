/** Owns writing accounts. */
import { statement, type Tx } from '#storage/database.ts';

export type NewAccount = {
  readonly userNid: number;
  readonly passwordHash: string | undefined;
  readonly isAdmin: boolean;
  readonly isGuest: boolean;
  readonly createdAt: number;
};

const insertAccount = statement<{ user_nid: number }>(
  'insert_account',
  `insert into accounts (user_nid, password_hash, is_admin, is_guest, created_at) values ($1, $2, $3, $4, $5)
   on conflict (user_nid) do nothing returning user_nid`,
);

/** Whether the account was stored; false when the user has one already. Waits for another transaction that tries it. */
export async function persistAccount(tx: Tx, account: NewAccount): Promise<boolean> {
  const { userNid, passwordHash, isAdmin, isGuest, createdAt } = account;
  const rows = await tx.query(insertAccount, [userNid, passwordHash ?? null, isAdmin, isGuest, createdAt]);
  return rows.length === 1;
}
