/** Owns finding the room that another says it replaces. */
import { BoundedMap } from '#core/bounded-map.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findHead, type KnownRoom } from '#storage/rooms/find-rooms.ts';

const ROOMS_REMEMBERED = 20_000;

// Per database, because tests open several. A create event never changes, and every join asks.
const caches = new WeakMap<ReadTx, BoundedMap<number, { readonly roomId: string | undefined }>>();

/** `content.predecessor.room_id` of the create event. Whether the other room says the same is not looked at. */
export async function findPredecessorId(parts: RoomReadParts, room: KnownRoom): Promise<string | undefined> {
  let cache = caches.get(parts.database);
  if (cache === undefined) caches.set(parts.database, (cache = new BoundedMap({ sizeMax: ROOMS_REMEMBERED })));
  const cached = cache.get(room.roomNid);
  if (cached !== undefined) return cached.roomId;
  const head = await findHead(parts.database, room.roomNid);
  const create =
    head === undefined ? undefined : await findStateEvent(parts, room.roomNid, head.stateRoot, 'm.room.create', '');
  if (create === undefined) return undefined;
  const { predecessor } = contentOf(create, room.version);
  const roomId =
    isJsonObject(predecessor) && typeof predecessor['room_id'] === 'string' ? predecessor['room_id'] : undefined;
  cache.set(room.roomNid, { roomId });
  return roomId;
}
