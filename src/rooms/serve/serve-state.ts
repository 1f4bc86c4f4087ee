/** Owns giving the state before an event to another server. */
import { MatrixError } from '#matrix/error.ts';
import { createEventIdOf } from '#matrix/hashes.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { readableJson } from '#rooms/render-events.ts';
import { requireEventOfRoom } from '#rooms/serve/serve-event.ts';
import type { ServeParts } from '#rooms/serve/server-view.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import { findAuthChain, findEventIds, findPermittedEvents } from '#storage/rooms/find-served-events.ts';

type Asked = { readonly roomId: string; readonly eventId: string };

/** Events that are read at a time, and sent before the next ones are read. */
const EVENTS_AT_ONCE = 500;

/** By nids: the state before an event, and everything that its events cite. */
type StateBefore = {
  readonly version: RoomVersion;
  readonly stateNids: readonly number[];
  readonly chainNids: readonly number[];
};

/**
 * The ids of the state's events and of their auth chains. Throws as `requireEventOfRoom` does, and M_NOT_FOUND for an
 * event whose state is not known here. Specification: Server-Server API, `GET /state_ids/{roomId}`.
 */
export async function serveStateIds(
  parts: ServeParts,
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
export async function serveState(parts: ServeParts, origin: string, asked: Asked): Promise<AsyncIterable<string>> {
  const { version, stateNids, chainNids } = await requireStateBefore(parts, origin, asked);
  return piecesOf(parts.database, version, [
    ['{"pdus":[', stateNids],
    ['],"auth_chain":[', chainNids],
  ]);
}

async function requireStateBefore(parts: ServeParts, origin: string, asked: Asked): Promise<StateBefore> {
  const { served, event } = await requireEventOfRoom(parts, origin, asked);
  const { database, tries } = parts;
  const { roomNid, roomId, version } = served.room;
  if (event.stateBefore === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'The state before the event is not known here.');
  }
  const stateNids = (await tries.entries(database, roomNid, event.stateBefore)).map(([, eventNid]) => eventNid);
  const chain = new Set(await findAuthChain(database, stateNids));
  // From version 12 on nothing cites the create event, and everything stands on it.
  const create = version.roomIdIsCreateHash ? createEventIdOf(roomId) : undefined;
  const createPlace = create === undefined ? undefined : (await findEventPlaces(database, [create])).get(create);
  if (createPlace !== undefined && stateNids.length > 0) chain.add(createPlace.eventNid);
  return { version, stateNids, chainNids: [...chain] };
}

async function* piecesOf(
  database: ReadTx,
  version: RoomVersion,
  lists: readonly (readonly [opening: string, nids: readonly number[]])[],
): AsyncGenerator<string> {
  for (const [opening, nids] of lists) {
    yield opening;
    let separator = '';
    for (let at = 0; at < nids.length; at += EVENTS_AT_ONCE) {
      const events = await findPermittedEvents(database, nids.slice(at, at + EVENTS_AT_ONCE));
      if (events.length === 0) continue;
      yield `${separator}${events.map((event) => readableJson(event, version)).join(',')}`;
      separator = ',';
    }
  }
  yield ']}';
}
