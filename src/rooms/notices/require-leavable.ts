/** Owns what an invitation to the room of server notices has of its own: it cannot be rejected. */
import { MatrixError } from '#matrix/error.ts';
import { notifierId } from '#rooms/notices/notifier.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findMembership, findRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

export type LeavableParts = { readonly database: ReadTx; readonly config: { readonly serverName: string } };

/**
 * Throws M_CANNOT_LEAVE_SERVER_NOTICE_ROOM for a user whom the server's own account has invited. One query, and another
 * for who is invited. Specification: Client-Server API, "Server Notices".
 */
export async function requireLeavable(parts: LeavableParts, { userNid }: RoomUser, roomId: string): Promise<void> {
  const room = await findRoom(parts.database, roomId);
  const own = room && (await findMembership(parts.database, userNid, room.roomNid));
  if (own?.membership !== membershipCodes.invite || own.eventNid === undefined) return;
  const [invitation] = await findEventsByNids(parts.database, [own.eventNid]);
  if (invitation?.sender !== notifierId(parts.config.serverName)) return;
  throw new MatrixError(
    'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM',
    'The invitation to the notices of this server cannot be rejected.',
  );
}
