/** Owns joining a room, here or by way of the servers that are in it. */
import type { Errcode } from '#matrix/errcodes.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { checkRestrictedJoin } from '#rooms/find-authorising-user.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import { leaveUnlessOpen, requireOpenToGuests } from '#rooms/guests/open-to-guests.ts';
import { isUnknownMember } from '#rooms/partial/is-unknown-member.ts';
import { findResidents, isDeserted, isResident } from '#rooms/residents/find-residents.ts';
import { joinThroughResidents } from '#rooms/residents/join-through-residents.ts';
import { takeJoinTurn } from '#rooms/residents/joins-under-way.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import { carrySettings, type CarryParts } from '#rooms/upgrade/carry-settings.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findMembership, findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

export type LocalJoinParts = RoomWriteParts & CarryParts;
export type JoinParts = LocalJoinParts & ResidentParts & { readonly roomEntered: () => void };

type Joining = {
  readonly user: RoomUser & { readonly isGuest: boolean };
  readonly roomId: string;
  readonly content: JsonObject;
  /** Servers that may be in the room, as the user named them. */
  readonly named: readonly string[];
};

/**
 * Joins; who is in the room already has nothing to do. A room in which this server is not is entered through others, by
 * one user at a time: whoever comes second finds it here. M_NOT_FOUND for a room that nobody is known to be in,
 * M_FORBIDDEN if the room's rules keep the user out, M_UNABLE_TO_AUTHORISE_JOIN or M_UNABLE_TO_GRANT_JOIN if no server that
 * was asked can tell, M_INCOMPATIBLE_ROOM_VERSION for a room that this server cannot take part in.
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
    readonly servers?: readonly string[];
  },
): Promise<void> {
  const { user, roomId, reason, servers = [] } = request;
  const local = (await findLocalUsers(parts.database, [user.userId])).get(user.userId);
  const content = { ...request.content, ...buildMemberContent('join', local, { reason }) };
  const joining = { user: { ...user, isGuest: local?.isGuest ?? false }, roomId, content, named: servers };
  if (!(await joinIfHere(parts, joining))) {
    await takeJoinTurn(parts.database, roomId, async () => {
      if (await joinIfHere(parts, joining)) return;
      await joinElsewhere(parts, joining, await findResidents(parts, user, roomId, servers));
    });
  }
}

/** Whether the room is here, and the user in it now. */
async function joinIfHere(parts: JoinParts, joining: Joining): Promise<boolean> {
  const { user, roomId, content } = joining;
  const room = await findRoom(parts.database, roomId);
  if (room === undefined) return false;
  const own = await findMembership(parts.database, user.userNid, room.roomNid);
  if (own?.membership === membershipCodes.join) return true;
  if (!(await isResident(parts, room.roomNid)) && !(await isDeserted(parts, room.roomNid))) return false;
  // The room's other servers know whether they may join.
  if (await isUnknownMember(parts, room.roomNid, user.userId)) return false;
  try {
    await persistJoin(parts, user, room, content);
  } catch (error) {
    const isInvited = own?.membership === membershipCodes.invite;
    if (!mayBeGrantedElsewhere(error, isInvited)) throw error;
    const [named, others] = await Promise.all(
      [joining.named, []].map((servers) => findResidents(parts, user, roomId, servers)),
    );
    const servers = [...new Set([...(named ?? []), ...(others ?? [])])];
    if (servers.length === 0) throw error;
    await joinElsewhere(parts, joining, servers).catch((failure: unknown) => {
      // Nobody else could say anything: what is known here is the answer.
      throw isUnreachable(failure) ? error : failure;
    });
  }
  return true;
}

/** Other servers may have users who can vouch for the join, or know of an invite that has not come into the graph here. */
function mayBeGrantedElsewhere(error: unknown, isInvited: boolean): boolean {
  if (!(error instanceof MatrixError)) return false;
  const codes: readonly Errcode[] = ['M_UNABLE_TO_AUTHORISE_JOIN', 'M_UNABLE_TO_GRANT_JOIN'];
  return codes.includes(error.errcode) || (isInvited && error.errcode === 'M_FORBIDDEN');
}

function isUnreachable(failure: unknown): boolean {
  return failure instanceof MatrixError && failure.status === 502;
}

async function joinElsewhere(
  parts: JoinParts,
  { user, roomId, content }: Joining,
  servers: readonly string[],
): Promise<void> {
  if (servers.length === 0) throw new MatrixError('M_NOT_FOUND', 'There is no such room on this server.');
  // Whether a room takes guests is known only when one is in it.
  if (user.isGuest) {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests join only rooms that this server is in.');
  }
  await joinThroughResidents(parts, { user, roomId, content, servers });
  parts.roomEntered();
  const room = await findRoom(parts.database, roomId);
  if (room !== undefined) await carrySettings(parts, user, room, { isOwnRoom: false });
}

/**
 * Writes a user's own join with this content and answers the event's id. A restricted room is tried as it is first,
 * since an invitation opens it too, and then with the word of a member who may invite. Throws M_GUEST_ACCESS_FORBIDDEN for
 * a guest whom the room does not take.
 */
export async function persistJoin(
  parts: LocalJoinParts,
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
