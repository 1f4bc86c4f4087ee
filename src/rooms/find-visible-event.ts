/** Owns reading one event of a room. */
import { MatrixError } from '#matrix/error.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import { BACKFILL_WAIT_MS } from '#rooms/backfill/backfiller.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import type { HistoryParts } from '#rooms/scan-with-history.ts';
import { findEventById, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findRoomId } from '#storage/rooms/find-rooms.ts';

/** Throws M_NOT_FOUND alike for an event that is not there and for one that the user may not see. */
export async function requireVisibleEvent(
  parts: RoomReadParts,
  user: RoomUser,
  roomId: string,
  eventId: string,
): Promise<{ readonly reader: RoomReader; readonly event: StoredEvent }> {
  const reader = await findRoomReader(parts, user, roomId);
  const event = reader === undefined ? undefined : await findEventById(parts.database, eventId);
  if (reader !== undefined && event?.roomNid === reader.room.roomNid) {
    const [visible] = await selectVisible(parts, user, reader, [event]);
    if (visible !== undefined) return { reader, event: visible };
  }
  throw new MatrixError('M_NOT_FOUND', 'There is no such event, or it is not for you to see.');
}

/** As `requireVisibleEvent`, in whatever room the event is. */
export async function requireVisibleEventAnywhere(
  parts: RoomReadParts,
  user: RoomUser,
  eventId: string,
): Promise<{ readonly reader: RoomReader; readonly event: StoredEvent }> {
  const event = await findEventById(parts.database, eventId);
  const roomId = event === undefined ? undefined : await findRoomId(parts.database, event.roomNid);
  return requireVisibleEvent(parts, user, roomId ?? '', eventId);
}

/** As `requireVisibleEvent`, with an event that other servers have where the room's history is not whole here. */
export async function requireEventWithHistory(
  parts: RoomReadParts & HistoryParts,
  user: RoomUser,
  roomId: string,
  eventId: string,
): Promise<{ readonly reader: RoomReader; readonly event: StoredEvent }> {
  const found = await requireVisibleEvent(parts, user, roomId, eventId).catch((error: unknown) => {
    if (error instanceof MatrixError) return error;
    throw error;
  });
  if (!(found instanceof MatrixError)) return found;
  const reader = await findRoomReader(parts, user, roomId);
  const deadlineMs = parts.clock.monotonicMs() + BACKFILL_WAIT_MS;
  if (reader?.kind !== 'joined' || !(await parts.backfiller.fetchEvent(reader.room, eventId, deadlineMs))) throw found;
  return requireVisibleEvent(parts, user, roomId, eventId);
}
