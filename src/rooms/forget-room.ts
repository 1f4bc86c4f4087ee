/** Owns forgetting a room that one has left. */
import type { Config } from '#config/schema.ts';
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { persistPurge } from '#rooms/purge/ask-for-purge.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { Database } from '#storage/database.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { writeForgotten } from '#storage/rooms/forget-room.ts';
import { isForgottenByAll } from '#storage/rooms/purge-room.ts';
import type { EventStream } from '#streams/event-stream.ts';

type Parts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly config: Pick<Config, 'rooms'>;
  readonly workWaiting: () => void;
  readonly streams: { readonly events: Pick<EventStream, 'catchUp'> };
};

/**
 * With the last one of this server who forgets a room it goes, where that is configured.
 * Specification: Client-Server API, "Leaving rooms". M_UNKNOWN with status 400 unless the user has left.
 */
export async function forgetRoom(parts: Parts, user: RoomUser, roomId: string): Promise<void> {
  const room = await findRoom(parts.database, roomId);
  const outcome = await parts.database.transaction(async (tx) => {
    if (room === undefined || !(await writeForgotten(tx, user.userNid, room.roomNid))) return 'stays';
    if (!parts.config.rooms.purgeForgotten || !(await isForgottenByAll(tx, room.roomNid))) return 'forgotten';
    await persistPurge(tx, { roomId, isForced: false }, parts.clock.now());
    return 'goes';
  });
  if (outcome === 'stays') {
    throw new MatrixError('M_UNKNOWN', 'You can forget only a room that you have left.', { status: 400 });
  }
  if (outcome === 'goes') parts.workWaiting();
  // Perhaps by way of another process: a sync that still told of the room as joined would lead to requests that are refused.
  await parts.streams.events.catchUp();
}
