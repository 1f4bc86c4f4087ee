/** Owns reading stored filters. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectFilter = statement<{ definition: string }>(
  'select_filter',
  'select definition from filters where user_nid = $1 and filter_id = $2',
);

/** The definition of a filter as JSON text. */
export async function findFilterDefinition(db: ReadTx, userNid: number, filterId: number): Promise<string | undefined> {
  const [row] = await db.query(selectFilter, [userNid, filterId]);
  return row?.definition;
}
