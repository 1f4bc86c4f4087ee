/** Owns asking for the removal of a room, which is then done in the background. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import type { PurgePayload } from '#rooms/purge/purge-room.ts';
import type { Database, Tx } from '#storage/database.ts';
import { findRoomToPurge, findUsersPresent } from '#storage/rooms/purge-room.ts';
import { persistWorkItem } from '#storage/work-items.ts';

type Asked = Pick<PurgePayload, 'roomId' | 'isForced'>;

/** M_NOT_FOUND for a room that is not here; M_FORBIDDEN while users of this server are in it, unless it is forced. */
export async function askForPurge(
  parts: { readonly database: Database; readonly clock: Clock },
  asked: Asked,
): Promise<void> {
  await parts.database.transaction(async (tx) => {
    const room = await findRoomToPurge(tx, asked.roomId);
    if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
    const [user] = await findUsersPresent(tx, room.roomNid, { afterNid: 0, limit: 1 });
    if (user !== undefined && !asked.isForced) {
      throw new MatrixError(
        'M_FORBIDDEN',
        `Users of this server are in the room, invited to it or knocking, ${user.userId} for one.`,
      );
    }
    await persistPurge(tx, asked, parts.clock.now());
  });
}

/** Asks for it once the transaction commits. */
export async function persistPurge(tx: Tx, asked: Asked, now: number): Promise<void> {
  await persistWorkItem(tx, { kind: 'room_purge', key: asked.roomId, payload: JSON.stringify(asked) }, now);
}
