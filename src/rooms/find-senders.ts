/** Owns finding the member events of those who sent some events, for clients that load members lazily. */
import { findCitedMembers } from '#rooms/cited-members.ts';
import { findStateEvents, type TypeAndKey } from '#rooms/find-room-state.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { findEventsByNids, type StoredEvent } from '#storage/rooms/find-events.ts';

/**
 * As of the newest of the events, whatever their order; in a room whose members are not all known also those that the events
 * cite. Specification: Client-Server API, "Lazy-loading room members".
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
  const { roomNid } = reader.room;
  const known = await findStateEvents(parts, roomNid, newest.stateBefore ?? reader.root, keys);
  return reader.isPartial ? [...known, ...(await findUnknownSenders(parts, roomNid, events, known))] : known;
}

/** The memberships that the events cite, of senders who are not among the known ones. */
export async function findUnknownSenders(
  { database }: Pick<RoomReadParts, 'database'>,
  roomNid: number,
  events: readonly StoredEvent[],
  known: readonly StoredEvent[],
): Promise<StoredEvent[]> {
  const names = new Set(known.map(({ stateKey }) => stateKey));
  const unknown = events.filter(({ sender }) => !names.has(sender));
  const inOrder = unknown.toSorted((one, other) => one.roomOrder - other.roomOrder);
  return findEventsByNids(database, [...(await findCitedMembers(database, roomNid, inOrder)).values()]);
}
