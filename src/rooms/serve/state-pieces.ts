/** Owns a room's state with everything that it cites, as text in pieces: that of a large room is never in memory as a whole. */
import { createEventIdOf } from '#matrix/hashes.ts';
import type { RoomVersion } from '#matrix/room-versions.ts';
import { readableJson } from '#rooms/render-events.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventPlaces } from '#storage/rooms/find-graph.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findAuthChain, findPermittedEvents } from '#storage/rooms/find-served-events.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';

/** Events that are read at a time, and sent before the next ones are read. */
const EVENTS_AT_ONCE = 500;

/** By nids: the events of a state, and everything that they cite. */
export type StateWithChain = { readonly stateNids: readonly number[]; readonly chainNids: readonly number[] };

/** `also` are events whose auth chains are wanted too. */
export async function findStateWithChain(
  { database, tries }: RoomReadParts,
  room: KnownRoom,
  root: StateRoot,
  also: readonly number[] = [],
): Promise<StateWithChain> {
  const stateNids = (await tries.entries(database, room.roomNid, root)).map(([, eventNid]) => eventNid);
  return { stateNids, chainNids: await findChain(database, room, [...stateNids, ...also]) };
}

/** Everything that these events of the room stand on. */
export async function findChain(
  database: ReadTx,
  { roomId, version }: KnownRoom,
  eventNids: readonly number[],
): Promise<readonly number[]> {
  const chain = new Set(await findAuthChain(database, eventNids));
  // From version 12 on nothing cites the create event, and everything stands on it.
  const create = version.roomIdIsCreateHash ? createEventIdOf(roomId) : undefined;
  const createPlace = create === undefined ? undefined : (await findEventPlaces(database, [create])).get(create);
  if (createPlace !== undefined && eventNids.length > 0) chain.add(createPlace.eventNid);
  return [...chain];
}

/** The texts of the events of each list, with commas between them, each list after its opening; at the end `]` and `}`. */
export async function* eventPieces(
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
