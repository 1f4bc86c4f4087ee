/** Owns noting that a room has been entered without its members, and that it has been entered with them. */
import type { Clock } from '#core/clock.ts';
import type { ProjectedEvent, Projection } from '#rooms/persist/projection.ts';
import { forgetPartialEvents } from '#storage/rooms/complete-room.ts';
import { deletePartialRoomOf, persistPartialRoom } from '#storage/rooms/partial-rooms.ts';
import { addToldServers, forgetToldServers } from '#storage/rooms/write-room-servers.ts';
import type { Tx } from '#storage/database.ts';

/**
 * All servers that are said to be in the room are believed; so many are sent what happens here before the members are known,
 * and asked for those: a server could name any number of others, and have us look for all of them.
 */
const TOLD_MAX = 200;

/** It comes after the projection of the room's servers: those whose users are known are no longer only said to be there. */
export function partialRooms({ clock }: { readonly clock: Clock }): Projection {
  return {
    name: 'partial_rooms',
    concerns: ({ entry }) => entry !== undefined,
    async apply(tx, events) {
      for (const event of events) await note(tx, event, clock.now());
    },
  };
}

async function note(tx: Tx, { row, view, entry }: ProjectedEvent, now: number): Promise<void> {
  const { roomNid } = view;
  // What was said of an earlier stay counts no more.
  await tx.query(forgetToldServers, [roomNid]);
  await forgetPartialEvents(tx, roomNid);
  if (entry?.omitted === undefined) return deletePartialRoomOf(tx, roomNid);
  const { resident, servers: all } = entry.omitted;
  await tx.query(addToldServers, [roomNid, all]);
  const servers = all.slice(0, TOLD_MAX);
  await persistPartialRoom(tx, { roomNid, joinNid: row.eventNid, resident, servers, startedAt: now });
}
