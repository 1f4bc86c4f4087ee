/** Owns making all that is derived from a room's events anew. */
import { MatrixError } from '#matrix/error.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import { loadRoomView } from '#rooms/persist/room-view.ts';
import type { Database } from '#storage/database.ts';
import { lockRoom } from '#storage/rooms/load-view.ts';

/**
 * Rebuilds the room's projections in one transaction, during which nobody else writes to the room. M_NOT_FOUND for a
 * room without events here.
 */
export async function rebuildRoom(
  parts: { readonly database: Database; readonly projections: readonly Projection[] },
  roomId: string,
): Promise<void> {
  await parts.database.transaction(async (tx) => {
    const seen = await loadRoomView(tx, roomId);
    if (seen === undefined || seen.head.roomSeq === 0) {
      throw new MatrixError('M_NOT_FOUND', 'This server has no events of that room.');
    }
    await tx.query(lockRoom, [seen.roomNid]);
    // Read again in a new statement: before the lock was had, another writer may have moved the head.
    const view = await loadRoomView(tx, roomId);
    if (view === undefined) throw new Error(`The room ${roomId} has vanished.`);
    for (const projection of parts.projections) await projection.rebuild?.(tx, view);
  });
}
