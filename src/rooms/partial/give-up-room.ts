/** Owns giving up a room that lacks members and in which nobody of this server is any more. */
import { forgetPartialEvents } from '#storage/rooms/complete-room.ts';
import type { Database } from '#storage/database.ts';
import { findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { lockRoom } from '#storage/rooms/load-view.ts';
import { deletePartialRoom, type PartialRoom } from '#storage/rooms/partial-rooms.ts';

/**
 * Its states stay as they are: whoever was in it reads what was known then. The servers that were said to be in it stay known
 * too, as those to ask when somebody comes back.
 */
export async function giveUpRoom(
  { database }: { readonly database: Database },
  { roomNid, joinNid }: Pick<PartialRoom, 'roomNid' | 'joinNid'>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(lockRoom, [roomNid]);
    // Somebody may have come back before the lock was had: by a join of their own, which has another row.
    if ((await findJoinedUsers(tx, roomNid, 1)).length > 0) return;
    if (await deletePartialRoom(tx, roomNid, joinNid)) await forgetPartialEvents(tx, roomNid);
  });
}
