/** Owns giving the state before an event to another server. */
import { MatrixError } from '#matrix/error.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import type { PartialRooms } from '#rooms/partial/partial-rooms.ts';
import { requireEventOfRoom, type ServedEvent } from '#rooms/serve/serve-event.ts';
import type { ServeParts } from '#rooms/serve/server-view.ts';
import { eventPieces, findStateWithChain, type StateWithChain } from '#rooms/serve/state-pieces.ts';
import { findEventIds } from '#storage/rooms/find-served-events.ts';

type Asked = { readonly roomId: string; readonly eventId: string; readonly signal: AbortSignal };

export type StateParts = ServeParts & { readonly partialRooms: Pick<PartialRooms, 'whenComplete'> };

type StateBefore = StateWithChain & { readonly version: RoomVersion };

/**
 * The ids of the state's events and of their auth chains, once all members are known. Throws as `requireEventOfRoom` does, and
 * M_NOT_FOUND for an event whose state is not known here. Specification: Server-Server API, `GET /state_ids/{roomId}`.
 */
export async function serveStateIds(
  parts: StateParts,
  origin: string,
  asked: Asked,
): Promise<{ readonly pdu_ids: readonly string[]; readonly auth_chain_ids: readonly string[] }> {
  const { stateNids, chainNids } = await requireStateBefore(parts, origin, asked);
  return {
    pdu_ids: await findEventIds(parts.database, stateNids),
    auth_chain_ids: await findEventIds(parts.database, chainNids),
  };
}

/**
 * The JSON text of an object with the state's events and their auth chains, in pieces: a large room's state is never in
 * memory as a whole. Throws, before the first piece, as `serveStateIds` does. Specification: Server-Server API, `GET /state/{roomId}`.
 */
export async function serveState(parts: StateParts, origin: string, asked: Asked): Promise<AsyncIterable<string>> {
  const { version, stateNids, chainNids } = await requireStateBefore(parts, origin, asked);
  return eventPieces(parts.database, version, [
    ['{"pdus":[', stateNids],
    ['],"auth_chain":[', chainNids],
  ]);
}

async function requireStateBefore(parts: StateParts, origin: string, asked: Asked): Promise<StateBefore> {
  const { served, event } = await requireKnownEvent(parts, origin, asked);
  if (event.stateBefore === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'The state before the event is not known here.');
  }
  return { version: served.room.version, ...(await findStateWithChain(parts, served.room, event.stateBefore)) };
}

/** An event of a room of which all members are known: whoever takes a state for whole that is not would spread it. */
async function requireKnownEvent(parts: StateParts, origin: string, asked: Asked): Promise<ServedEvent> {
  const found = await requireEventOfRoom(parts, origin, asked);
  if (!found.served.isPartial) return found;
  await parts.partialRooms.whenComplete(found.served.room.roomNid, asked.signal).catch((error: unknown) => {
    if (error instanceof MatrixError) throw new MatrixError('M_NOT_FOUND', error.message, { cause: error });
    throw error;
  });
  return requireEventOfRoom(parts, origin, asked);
}
