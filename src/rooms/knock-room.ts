/** Owns knocking on a room that is on this server. */
import { MatrixError } from '#matrix/error.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/**
 * Asks to be let in; to knock again is allowed and may give another reason. M_NOT_FOUND for a room that is not here,
 * M_FORBIDDEN if it takes no knocks, or none from this user. Specification: Client-Server API, "Knocking on rooms".
 */
export async function knockOnRoom(
  parts: RoomWriteParts,
  request: { readonly user: RoomUser; readonly roomId: string; readonly reason?: string | undefined },
): Promise<void> {
  const { user, roomId, reason } = request;
  if ((await findRoom(parts.database, roomId)) === undefined) {
    throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  }
  const users = await findLocalUsers(parts.database, [user.userId]);
  const content = buildMemberContent('knock', users.get(user.userId), { reason });
  const event = { sender: user.userId, type: 'm.room.member', state_key: user.userId, content };
  await parts.persistEvents({ room: { roomId }, events: [event] });
}
