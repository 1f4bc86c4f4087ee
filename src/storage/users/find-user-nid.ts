/** Owns reading a user's number. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectNid = statement<{ user_nid: number }>('find_user_nid', 'select user_nid from users where user_id = $1');

/** The number of a user whom this server has ever heard of. The id must hold no NUL. */
export async function findUserNid(db: ReadTx, userId: string): Promise<number | undefined> {
  return (await db.query(selectNid, [userId]))[0]?.user_nid;
}
