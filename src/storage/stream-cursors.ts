/** Owns how far each piece of background work has read the event stream. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const selectCursor = statement<{ event_pos: number }>(
  'select_stream_cursor',
  'select event_pos from stream_cursors where name = $1',
);
const moveCursor = statement<{ event_pos: number }>(
  'move_stream_cursor',
  `insert into stream_cursors as c (name, event_pos) values ($1, $3)
   on conflict (name) do update set event_pos = excluded.event_pos where c.event_pos = $2
   returning event_pos`,
);

/** 0 for work that has not begun. */
export async function findCursor(db: ReadTx, name: string): Promise<number> {
  return (await db.query(selectCursor, [name]))[0]?.event_pos ?? 0;
}

/**
 * Moves the cursor within the transaction that has the work's effect. False if it did not stand at `from`: another
 * process has done the work, and the transaction must not commit.
 */
export async function persistCursor(tx: Tx, name: string, from: number, to: number): Promise<boolean> {
  return (await tx.query(moveCursor, [name, from, to])).length > 0;
}
