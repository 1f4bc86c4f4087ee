/** Owns reading what a user has noted about one room. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectOfRoom = statement<{ type: string; content: string }>(
  'select_room_account_data',
  `select type, content from account_data where user_nid = $1 and room_nid = $2 order by type`,
);

/** Each type with its content, parsed. */
export async function findRoomAccountData(
  db: ReadTx,
  userNid: number,
  roomNid: number,
): Promise<{ readonly type: string; readonly content: unknown }[]> {
  const rows = await db.query(selectOfRoom, [userNid, roomNid]);
  return rows.map(({ type, content }) => ({ type, content: JSON.parse(content) }));
}
