/** Owns what must be true of a room and a user before anything is believed that a server says of them without an event. */
import type { Clock } from '#core/clock.ts';
import { isUserId, serverNameOf } from '#matrix/ids.ts';
import type { JsonValue } from '#matrix/pdu.ts';
import { findMembershipInState } from '#rooms/find-room-state.ts';
import { findRoomGate } from '#rooms/receive/room-gate.ts';
import type { RoomReadParts } from '#rooms/room-parts.ts';
import type { ServedRoom } from '#rooms/serve/require-server.ts';
import type { Interned } from '#storage/interned.ts';
import type { Streams } from '#streams/streams.ts';

export type EduParts = RoomReadParts & {
  readonly clock: Clock;
  readonly interned: Interned;
  readonly streams: Pick<Streams, 'write'>;
};

/** Whether it is the id of a user of that server: nobody speaks for users of others. */
export function isUserOf(origin: string, userId: JsonValue | undefined): userId is string {
  return typeof userId === 'string' && isUserId(userId) && serverNameOf(userId) === origin;
}

/** A room that both servers are in; undefined too where the access list shuts the other one out. */
export async function findEduRoom(
  parts: RoomReadParts,
  roomId: string,
  origin: string,
): Promise<ServedRoom | undefined> {
  const gate = await findRoomGate(parts, roomId, origin);
  return gate.isOpen ? gate.served : undefined;
}

/** Of a room whose members are not all known the user's server, which is in it, is believed. */
export async function isJoined(
  parts: RoomReadParts,
  { room, root, isPartial }: ServedRoom,
  userId: string,
): Promise<boolean> {
  const membership = await findMembershipInState(parts, room, root, userId);
  return membership === 'join' || (isPartial && membership === undefined);
}
