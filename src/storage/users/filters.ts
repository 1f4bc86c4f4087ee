/** Owns writing filters. */
import { statement, type Tx } from '#storage/database.ts';

const lockAccount = statement<never>(
  'lock_account_for_filter',
  'select from accounts where user_nid = $1 for no key update',
);
const selectSame = statement<{ filter_id: number }>(
  'select_same_filter',
  'select filter_id from filters where user_nid = $1 and definition = $2 limit 1',
);
const insertFilter = statement<{ filter_id: number }>(
  'insert_filter',
  `insert into filters (user_nid, filter_id, definition)
   select $1, coalesce(max(filter_id) + 1, 0), $2 from filters where user_nid = $1 returning filter_id`,
);

/** The id of the user's filter with this definition, which is stored unless it is there already. */
export async function persistFilter(tx: Tx, userNid: number, definition: string): Promise<number> {
  // One at a time for each user: ids are counted from 0, and clients upload the same filter at every start.
  await tx.query(lockAccount, [userNid]);
  const [same] = await tx.query(selectSame, [userNid, definition]);
  const [row] = same === undefined ? await tx.query(insertFilter, [userNid, definition]) : [same];
  if (row === undefined) throw new Error('A filter was not stored.');
  return row.filter_id;
}
