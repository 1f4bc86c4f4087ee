/** Owns reading who types where. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectTypists = statement<{ room_nid: number; user_id: string }>(
  'find_typists',
  `select t.room_nid, u.user_id from typing t join users u on u.user_nid = t.user_nid
   where t.room_nid = any($1::bigint[]) and t.is_typing and t.expires_at > $2 order by t.room_nid, u.user_id`,
);

/** By room who types there now. Rooms where nobody does are missing. */
export async function findTypists(
  db: ReadTx,
  roomNids: readonly number[],
  now: number,
): Promise<ReadonlyMap<number, readonly string[]>> {
  const rows = roomNids.length === 0 ? [] : await db.query(selectTypists, [roomNids, now]);
  const byRoom = Map.groupBy(rows, (row) => row.room_nid);
  return new Map(Array.from(byRoom, ([roomNid, own]) => [roomNid, own.map((row) => row.user_id)]));
}

const changedRooms = statement<{ room_nid: number }>(
  'find_rooms_with_typing_changes',
  'select distinct room_nid from typing where room_nid = any($1::bigint[]) and pos > $2',
);

/** In which of the rooms somebody began or ceased to type after a position. */
export async function findRoomsWithTypingChanges(
  db: ReadTx,
  roomNids: readonly number[],
  after: number,
): Promise<number[]> {
  if (roomNids.length === 0) return [];
  return (await db.query(changedRooms, [roomNids, after])).map((row) => row.room_nid);
}
