/** Owns the shape in which the owners of tables say how the rows of a room are removed from them. */
import { statement, type ReadTx } from '#storage/database.ts';

export type RemovedRoom = { readonly roomNid: number; readonly roomId: string };

/** How the rows of a room leave one table. */
export type RemovableRows = {
  readonly table: string;
  /** Removes at most `limit` of them in one statement or transaction of its caller, and gives how many. */
  readonly remove: (db: ReadTx, room: RemovedRoom, limit: number) => Promise<number>;
};

/**
 * `text` deletes from the table what belongs to the room `$1` and returns a row for each: at most `$2` of them, found by
 * an index that begins with the room.
 */
export function removableRows(table: string, text: string): RemovableRows {
  const remove = statement<unknown>(`remove_room_${table}`, text);
  return {
    table,
    remove: async (db, { roomNid }, limit) => (await db.query(remove, [roomNid, limit])).length,
  };
}
