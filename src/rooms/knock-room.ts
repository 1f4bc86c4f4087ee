/** Owns knocking on a room, here or by way of the servers that are in it. */
import { MatrixError } from '#matrix/error.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import { findResidents, isDeserted, isResident } from '#rooms/residents/find-residents.ts';
import { knockThroughResidents } from '#rooms/residents/knock-through-residents.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findMembership, findRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/**
 * Asks to be let in; to knock again is allowed and may give another reason. M_NOT_FOUND for a room that nobody is known to
 * be in, M_FORBIDDEN if it takes no knocks, or none from this user.
 * Specification: Client-Server API, "Knocking on rooms".
 */
export async function knockOnRoom(
  parts: ResidentParts,
  request: {
    readonly user: RoomUser;
    readonly roomId: string;
    readonly reason?: string | undefined;
    /** Servers that may be in the room, as the user named them. */
    readonly servers?: readonly string[];
  },
): Promise<void> {
  const { user, roomId, reason, servers: named = [] } = request;
  const users = await findLocalUsers(parts.database, [user.userId]);
  const content = buildMemberContent('knock', users.get(user.userId), { reason });
  const room = await findRoom(parts.database, roomId);
  if (room !== undefined && ((await isResident(parts, room.roomNid)) || (await isDeserted(parts, room.roomNid)))) {
    const event = { sender: user.userId, type: 'm.room.member', state_key: user.userId, content };
    await parts.persistEvents({ room: { roomId }, events: [event] });
    return;
  }
  const own = room && (await findMembership(parts.database, user.userNid, room.roomNid));
  if (own?.membership === membershipCodes.invite || own?.membership === membershipCodes.ban) {
    throw new MatrixError('M_FORBIDDEN', 'You are invited to this room already, or banned from it.');
  }
  const servers = await findResidents(parts, user, roomId, named);
  if (servers.length === 0) throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  await knockThroughResidents(parts, { user, roomId, content, servers });
}
