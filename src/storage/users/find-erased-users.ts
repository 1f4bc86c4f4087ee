/** Owns reading which users have asked for what they sent to be erased. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectErased = statement<{ user_id: string; erased_pos: number }>(
  'select_erased_users',
  `select u.user_id, a.erased_pos from accounts a join users u on u.user_nid = a.user_nid
   where a.erased_pos is not null`,
);

/** By user id: the position in the event stream at which the user's account was erased. */
export async function findErasedUsers(db: ReadTx): Promise<ReadonlyMap<string, number>> {
  return new Map((await db.query(selectErased, [])).map((row) => [row.user_id, row.erased_pos]));
}
