/** Owns giving up a room that lacks members and in which nobody of this server is any more. */
import type { Clock } from '#core/clock.ts';
import { askForCollection } from '#rooms/collection/ask-for-collection.ts';
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
  { database, clock }: { readonly database: Database; readonly clock: Clock },
  { roomNid, roomId, joinNid }: Pick<PartialRoom, 'roomNid' | 'roomId' | 'joinNid'>,
): Promise<void> {
  await database.transaction(async (tx) => {
    await tx.query(lockRoom, [roomNid]);
    // Somebody may have come back before the lock was had: by a join of their own, which has another row.
    if ((await findJoinedUsers(tx, roomNid, 1)).length > 0) return;
    if (!(await deletePartialRoom(tx, roomNid, joinNid))) return;
    await forgetPartialEvents(tx, roomNid);
    // A completion that had begun has left nodes that nothing needs.
    await askForCollection(tx, { roomNid, roomId }, clock.now());
  });
}
