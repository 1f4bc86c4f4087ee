/** Owns leaving out what ignored users sent. */
import type { RoomUser } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { findIgnoredUserIds } from '#storage/users/find-ignored.ts';

/** The events without those of users whom the reader ignores; state is shown all the same. Specification: "Ignoring Users". */
export async function dropIgnored(
  database: ReadTx,
  user: RoomUser,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  if (events.every((event) => event.stateKey !== undefined || event.sender === user.userId)) return events;
  const ignored = new Set(await findIgnoredUserIds(database, user.userNid));
  return ignored.size === 0
    ? events
    : events.filter((event) => event.stateKey !== undefined || !ignored.has(event.sender));
}
