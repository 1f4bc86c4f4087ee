/** Owns finding the member events of those who sent some events, for clients that load members lazily. */
import { findStateEvents, type TypeAndKey } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';

/**
 * As of the newest of the events, whatever their order. Specification: Client-Server API, "Lazy-loading room members".
 */
export async function findSenders(
  parts: RoomReadParts,
  reader: RoomReader,
  events: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const [first] = events;
  if (first === undefined) return [];
  const newest = events.reduce((one, other) => (other.roomOrder > one.roomOrder ? other : one), first);
  const senders = [...new Set(events.map((event) => event.sender))];
  const keys = senders.map((sender): TypeAndKey => ['m.room.member', sender]);
  return findStateEvents(parts, reader.room.roomNid, newest.stateBefore ?? reader.root, keys);
}
