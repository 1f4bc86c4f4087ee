/** Owns giving one event, and the events that permit it, to another server. */
import { authEventOf } from '#matrix/auth-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { createEventIdOf } from '#matrix/hashes.ts';
import { readStoredPdu } from '#matrix/pdu-checks.ts';
import { readableJson } from '#rooms/render-events.ts';
import { requireServerInRoom, type ServedRoom } from '#rooms/serve/require-server.ts';
import { readForServer, type ServeParts } from '#rooms/serve/server-view.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { findRoomId } from '#storage/rooms/find-rooms.ts';
import { findAuthChain, findPermittedEvents, findPlacedEvents } from '#storage/rooms/find-served-events.ts';

/** An event of a room that the server is in, accepted or soft-failed. */
export type ServedEvent = { readonly served: ServedRoom; readonly event: StoredEvent };

/**
 * The event's JSON text, as the server may have it. Throws M_NOT_FOUND alike for an event that is not here and for one of a
 * room that the server is not in. Specification: Server-Server API, `GET /event/{eventId}`.
 */
export async function serveEvent(parts: ServeParts, origin: string, eventId: string): Promise<string> {
  const [event] = await findPlacedEvents(parts.database, searchable([eventId]));
  const roomId = event === undefined ? undefined : await findRoomId(parts.database, event.roomNid);
  if (event === undefined || roomId === undefined) throw unknownEvent();
  const served = await requireServerInRoom(parts, roomId, origin).catch((error: unknown) => {
    throw error instanceof MatrixError ? unknownEvent() : error;
  });
  const [text] = await readForServer(parts, served, origin, [event]);
  if (text === undefined) throw unknownEvent();
  return text;
}

/**
 * An event of this very room. Throws M_FORBIDDEN for a server that is not in the room, and M_NOT_FOUND for an id that is
 * not of the room, wherever else it may be.
 */
export async function requireEventOfRoom(
  parts: ServeParts,
  origin: string,
  { roomId, eventId }: { readonly roomId: string; readonly eventId: string },
): Promise<ServedEvent> {
  const served = await requireServerInRoom(parts, roomId, origin);
  const [event] = await findPlacedEvents(parts.database, searchable([eventId]));
  if (event?.roomNid !== served.room.roomNid) throw unknownEvent();
  return { served, event };
}

/**
 * Everything that permits the event, directly or not: the JSON texts of its auth chain, in no particular order.
 * Specification: Server-Server API, `GET /event_auth/{roomId}/{eventId}`.
 */
export async function serveAuthChain(
  parts: ServeParts,
  origin: string,
  asked: { readonly roomId: string; readonly eventId: string },
): Promise<string[]> {
  const { served, event } = await requireEventOfRoom(parts, origin, asked);
  const { database } = parts;
  const { roomNid, roomId, version } = served.room;
  // Of an event that is no state, only its own text says what it cites.
  const { auth_events } = authEventOf(readStoredPdu(event.json, version), event.eventId, version);
  const implied = version.roomIdIsCreateHash ? [createEventIdOf(roomId)] : [];
  const places = await findEventPlaces(database, [...auth_events, ...implied]);
  const cited = [...places.values()].filter((place) => place.roomNid === roomNid).map((place) => place.eventNid);
  const chain = new Set([...cited, ...(await findAuthChain(database, cited))]);
  chain.delete(event.eventNid);
  return (await findPermittedEvents(database, [...chain])).map((each) => readableJson(each, version));
}

/** PostgreSQL's text holds no U+0000, so no such event is here. */
export function searchable(eventIds: readonly string[]): string[] {
  return [...new Set(eventIds)].filter((id) => !id.includes('\0'));
}

function unknownEvent(): MatrixError {
  return new MatrixError('M_NOT_FOUND', 'There is no such event, or it is not for your server to see.');
}
