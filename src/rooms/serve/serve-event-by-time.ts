/** Owns telling another server which event of a room is next to a moment. */
import { findEventByTime, refuseMoment } from '#rooms/find-event-by-time.ts';
import type { Moment } from '#rooms/moment.ts';
import { requireServerInRoom } from '#rooms/serve/require-server.ts';
import { viewOfServer, type ServeParts } from '#rooms/serve/server-view.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';

/**
 * The nearest event that the server may see. Throws as `requireServerInRoom` does, and M_NOT_FOUND if there is none.
 * Specification: Server-Server API, `GET /timestamp_to_event/{roomId}`.
 */
export async function serveEventByTime(
  parts: ServeParts,
  origin: string,
  asked: Moment & { readonly roomId: string },
): Promise<StoredEvent> {
  const served = await requireServerInRoom(parts, asked.roomId, origin);
  const view = viewOfServer(parts, served, origin);
  const found = await findEventByTime(parts.database, served.room.roomNid, asked, async (events) => {
    for (const event of events) if (await view.isWhole(event)) return event;
    return undefined;
  });
  return found ?? refuseMoment(asked);
}
