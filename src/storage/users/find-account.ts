/** Owns reading accounts: what a login and a registration ask of them. */
import { statement, type ReadTx } from '#storage/database.ts';

/** An account of this server. Times are milliseconds since the Unix epoch. */
export type StoredAccount = {
  readonly userNid: number;
  readonly userId: string;
  readonly passwordHash: string | null;
  readonly isAdmin: boolean;
  readonly deactivatedAt: number | null;
  readonly lockedAt: number | null;
  readonly suspendedAt: number | null;
};

const columns = `a.user_nid as "userNid", u.user_id as "userId", a.password_hash as "passwordHash",
      a.is_admin as "isAdmin", a.deactivated_at as "deactivatedAt", a.locked_at as "lockedAt",
      a.suspended_at as "suspendedAt"`;

const selectAccount = statement<StoredAccount>(
  'select_account',
  `select ${columns} from users u join accounts a on a.user_nid = u.user_nid where u.user_id = $1`,
);

/** The account of a user id, a deactivated one too. The id must hold no NUL. */
export async function findAccount(db: ReadTx, userId: string): Promise<StoredAccount | undefined> {
  const [account] = await db.query(selectAccount, [userId]);
  return account;
}

const selectAccountByNid = statement<StoredAccount>(
  'select_account_by_nid',
  `select ${columns} from accounts a join users u on u.user_nid = a.user_nid where a.user_nid = $1`,
);

/** The account of a user's number, a deactivated one too. */
export async function findAccountByNid(db: ReadTx, userNid: number): Promise<StoredAccount | undefined> {
  const [account] = await db.query(selectAccountByNid, [userNid]);
  return account;
}
