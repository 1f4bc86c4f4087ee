/** Owns joining a room that is on this server. */
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { checkRestrictedJoin } from '#rooms/find-authorising-user.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import { leaveUnlessOpen, requireOpenToGuests } from '#rooms/guests/open-to-guests.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import { carrySettings, type CarryParts } from '#rooms/upgrade/carry-settings.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findMembership, findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

export type JoinParts = RoomWriteParts & CarryParts;

/**
 * Joins; who is in the room already has nothing to do. M_NOT_FOUND for a room that is not here, M_FORBIDDEN if the
 * room's rules keep the user out, M_UNABLE_TO_AUTHORISE_JOIN or M_UNABLE_TO_GRANT_JOIN if this server cannot tell.
 * Specification: Client-Server API, "Joining rooms", and `m.room.join_rules`, "Restricted rooms".
 */
export async function joinRoom(
  parts: JoinParts,
  request: {
    readonly user: RoomUser;
    readonly roomId: string;
    readonly reason?: string | undefined;
    /** What the user says of the membership besides; what the server says itself wins. */
    readonly content?: JsonObject | undefined;
  },
): Promise<void> {
  const { user, roomId, reason } = request;
  const room = await findRoom(parts.database, roomId);
  if (room === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  const [own, users] = await Promise.all([
    findMembership(parts.database, user.userNid, room.roomNid),
    findLocalUsers(parts.database, [user.userId]),
  ]);
  if (own?.membership === membershipCodes.join) return;
  const local = users.get(user.userId);
  const content = buildMemberContent('join', local, { reason });
  const joining = { ...user, isGuest: local?.isGuest ?? false };
  await persistJoin(parts, joining, room, { ...request.content, ...content });
}

/**
 * Writes a user's own join with this content and answers the event's id. A restricted room is tried as it is first,
 * since an invitation opens it too, and then with the word of a member who may invite. Throws M_GUEST_ACCESS_FORBIDDEN for
 * a guest whom the room does not take.
 */
export async function persistJoin(
  parts: JoinParts,
  user: RoomUser & { readonly isGuest: boolean },
  room: KnownRoom,
  given: JsonObject,
): Promise<string> {
  if (user.isGuest) await requireOpenToGuests(parts, room);
  const eventId = await persistAuthorised(parts, user, room, given);
  // Whoever closes the room has its guests looked for, which may have been done before this one was in it.
  if (user.isGuest) await leaveUnlessOpen(parts, user, room);
  await carrySettings(parts, user, room, { isOwnRoom: false });
  return eventId;
}

async function persistAuthorised(
  parts: RoomWriteParts,
  user: RoomUser,
  room: KnownRoom,
  given: JsonObject,
): Promise<string> {
  // Who vouches for a join is for the server to say: our signature on the event is all that the rules check.
  const { join_authorised_via_users_server: _claimed, ...content } = given;
  const persist = async (authorised: JsonObject): Promise<string> => {
    const event = { sender: user.userId, type: 'm.room.member', state_key: user.userId, content: authorised };
    return requireOnlyId((await parts.persistEvents({ room: { roomId: room.roomId }, events: [event] })).eventIds);
  };
  try {
    return await persist(content);
  } catch (error) {
    if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error;
    const verdict = await checkRestrictedJoin(parts, user, room);
    if (verdict.kind === 'not-restricted' || (await isBanned(parts, user, room))) throw error;
    if (verdict.kind === 'refused') throw new MatrixError(verdict.errcode, verdict.reason, { cause: error });
    return persist({ ...content, join_authorised_via_users_server: verdict.userId });
  }
}

async function isBanned({ database }: RoomWriteParts, user: RoomUser, room: KnownRoom): Promise<boolean> {
  return (await findMembership(database, user.userNid, room.roomNid))?.membership === membershipCodes.ban;
}
