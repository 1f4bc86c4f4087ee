/** Owns joining a room that is on this server. */
import { MatrixError } from '#matrix/error.ts';
import { findAuthorisingUser } from '#rooms/find-authorising-user.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findMembership, findRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/**
 * Joins; who is in the room already has nothing to do. M_NOT_FOUND for a room that is not here, M_FORBIDDEN if the
 * room's rules keep the user out. A restricted room is tried as it is first, since an invitation opens it too, and
 * then with the word of a member who may invite.
 * Specification: Client-Server API, "Joining rooms", and `m.room.join_rules`, "Restricted rooms".
 */
export async function joinRoom(
  parts: RoomWriteParts,
  request: { readonly user: RoomUser; readonly roomId: string; readonly reason?: string | undefined },
): Promise<void> {
  const { user, roomId, reason } = request;
  const room = await findRoom(parts.database, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  const [own, users] = await Promise.all([
    findMembership(parts.database, user.userNid, room.roomNid),
    findLocalUsers(parts.database, [user.userId]),
  ]);
  if (own?.membership === membershipCodes.join) return;
  const profile = users.get(user.userId);
  const join = async (authorisedVia?: string): Promise<void> => {
    const content = buildMemberContent('join', profile, { reason, authorisedVia });
    const member = { sender: user.userId, type: 'm.room.member', state_key: user.userId, content };
    await parts.persistEvents({ room: { roomId }, events: [member] });
  };
  try {
    await join();
  } catch (error) {
    if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error;
    const authorisedVia = await findAuthorisingUser(parts, user, room);
    if (authorisedVia === undefined) throw error;
    await join(authorisedVia);
  }
}
