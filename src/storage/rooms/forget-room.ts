/** Owns writing that a user has forgotten a room. */
import { statement, type Tx } from '#storage/database.ts';

// 3 and 4 are leave and ban. Forgetting twice keeps the first position.
const update = statement<{ room_nid: number }>(
  'update_user_room_forgotten',
  `update user_rooms
   set forgotten_pos = coalesce(forgotten_pos, (select max(pos) from events))
   where user_nid = $1 and room_nid = $2 and membership in (3, 4)
   returning room_nid`,
);

/** Whether the user was out of the room and has now forgotten it. */
export async function writeForgotten(tx: Tx, userNid: number, roomNid: number): Promise<boolean> {
  return (await tx.query(update, [userNid, roomNid])).length > 0;
}
