/** Owns the secret with which a new server is set up: it is there until somebody has used it. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';
import { ensureSecret } from '#storage/server-identity.ts';

const name = 'set_up_token';

const anyAccount = statement<{ found: boolean }>('select_any_account', 'select exists (select from accounts) as found');
const deleteToken = statement<{ name: string }>(
  'delete_set_up_token',
  'delete from server_secrets where name = $1 and secret = $2 returning name',
);

/** Whether nobody has an account yet: only then can a server be set up. */
export async function isWithoutAccounts(db: ReadTx): Promise<boolean> {
  const [row] = await db.query(anyAccount, []);
  return row?.found === false;
}

/** The token of this database, the same for all its processes; `fresh` is kept if there is none. */
export async function ensureSetUpToken(tx: Tx, fresh: Buffer): Promise<Buffer> {
  return ensureSecret(tx, name, fresh);
}

/** Uses the token up. False when it is not the one, or has been used: of two at once only one is told true. */
export async function takeSetUpToken(tx: Tx, token: Buffer): Promise<boolean> {
  return (await tx.query(deleteToken, [name, token])).length === 1;
}
