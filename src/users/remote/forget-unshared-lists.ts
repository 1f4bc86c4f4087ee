/** Owns the end of what is known of users with whom nobody here shares a room any more. */
import type { ReadTx } from '#storage/database.ts';
import { deleteUnsharedLists } from '#storage/users/remote/remote-device-lists.ts';

const LISTS_AT_ONCE = 500;

/** Looks at some lists, and goes on where it stopped; it gives how many went, and whether there are more to look at. */
export function createListForgetter(
  database: ReadTx,
): () => Promise<{ readonly rows: number; readonly hasMore: boolean }> {
  let afterNid = 0;
  return async () => {
    const { deleted, lastNid } = await deleteUnsharedLists(database, afterNid, LISTS_AT_ONCE);
    afterNid = lastNid ?? 0;
    return { rows: deleted, hasMore: lastNid !== undefined };
  };
}
