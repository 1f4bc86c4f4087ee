/** Owns the question whether somebody may administer this server. */
import { MatrixError } from '#matrix/error.ts';
import type { ReadTx } from '#storage/database.ts';
import { findAccountByNid } from '#storage/users/find-account.ts';

/** Throws M_FORBIDDEN for whoever is no administrator. */
export async function requireAdmin(db: ReadTx, { userNid }: { readonly userNid: number }): Promise<void> {
  const account = await findAccountByNid(db, userNid);
  if (account?.isAdmin !== true) throw new MatrixError('M_FORBIDDEN', 'This is for administrators of the server.');
}
