/** Owns finding the event of a room that is next to a moment. */
import { MatrixError } from '#matrix/error.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader } from '#rooms/room-reader.ts';
import { findEventsByTime, type StoredEvent, type TimePlace } from '#storage/rooms/find-events.ts';

const BATCH = 50;
/** Events that one request looks at when none of them may be seen. */
const SCANNED_MAX = 1_000;

/**
 * The nearest event at or after (`f`), or at or before (`b`) a time in milliseconds, by the clocks of their senders'
 * servers; of several with one time the first on the way. M_FORBIDDEN, M_NOT_FOUND.
 * Specification: Client-Server API, `GET /rooms/{roomId}/timestamp_to_event`.
 */
export async function requireEventByTime(
  parts: RoomReadParts,
  request: { readonly user: RoomUser; readonly roomId: string; readonly ts: number; readonly direction: 'b' | 'f' },
): Promise<StoredEvent> {
  const { user, roomId, ts, direction } = request;
  const reader = await requireRoomReader(parts, user, roomId);
  const isForward = direction === 'f';
  let from: TimePlace = { ts, order: isForward ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER };
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += BATCH) {
    const events = await findEventsByTime(parts.database, reader.room.roomNid, direction, from, BATCH);
    const [visible] = await selectVisible(parts, user, reader, events);
    if (visible !== undefined) return visible;
    const last = events.at(-1);
    if (last === undefined || events.length < BATCH) break;
    from = { ts: last.originServerTs, order: last.roomOrder + (isForward ? 1 : -1) };
  }
  const side = isForward ? 'after' : 'before';
  throw new MatrixError('M_NOT_FOUND', `There is no event ${side} this moment that you may see.`);
}
