/** Owns inviting, leaving, kicking, banning and unbanning: each is one member event. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { inviteRemoteUser, type RemoteInviteParts } from '#rooms/admit/invite-remote-user.ts';
import { buildMemberContent } from '#rooms/member-content.ts';
import { requireMembershipOf, type MembersParts } from '#rooms/partial/require-members.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import { findMembership, findRoom } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

type MembershipRequest = {
  readonly roomId: string;
  readonly sender: RoomUser;
  readonly targetId: string;
  readonly reason?: string | undefined;
};

/** Invites a user of any server; to invite again whoever is invited already changes nothing. */
export async function inviteUser(parts: RemoteInviteParts & MembersParts, request: MembershipRequest): Promise<void> {
  const { roomId, sender, targetId, reason } = request;
  await requireJoinedRoom(parts, sender, roomId);
  const users = await requireInvitable(parts, [targetId]);
  if ((await requireMembershipOf(parts, sender, { roomId, targetId })) === 'invite') return;
  const content = buildMemberContent('invite', users.get(targetId), { reason });
  if (parts.isLocal(targetId)) await persistMember(parts, roomId, sender.userId, targetId, content);
  else await inviteRemoteUser(parts, { roomId, senderId: sender.userId, invitedId: targetId, content });
}

/** Leaves a room, or rejects its invitation; who has left already has nothing to do. */
export async function leaveRoom(parts: RoomWriteParts, request: Omit<MembershipRequest, 'targetId'>): Promise<void> {
  const { userId, userNid } = request.sender;
  const room = await findRoom(parts.database, request.roomId);
  const own = room === undefined ? undefined : await findMembership(parts.database, userNid, room.roomNid);
  if (own === undefined) throw new MatrixError('M_FORBIDDEN', 'You are not in this room.');
  if (own.membership === membershipCodes.leave) return;
  const content = buildMemberContent('leave', undefined, { reason: request.reason });
  await persistMember(parts, request.roomId, userId, userId, content);
}

/** Specification: Client-Server API, "Kicking users". M_FORBIDDEN if the user is not in the room. */
export async function kickUser(parts: RoomWriteParts & MembersParts, request: MembershipRequest): Promise<void> {
  const membership = await requireTarget(parts, request);
  if (membership !== 'join' && membership !== 'invite' && membership !== 'knock') {
    throw new MatrixError('M_FORBIDDEN', `${request.targetId} is not in this room.`);
  }
  const content = buildMemberContent('leave', undefined, { reason: request.reason });
  await persistMember(parts, request.roomId, request.sender.userId, request.targetId, content);
}

/** Bans a user, who need not be in the room. */
export async function banUser(parts: RoomWriteParts & MembersParts, request: MembershipRequest): Promise<void> {
  await requireTarget(parts, request);
  const content = buildMemberContent('ban', undefined, { reason: request.reason });
  await persistMember(parts, request.roomId, request.sender.userId, request.targetId, content);
}

/** Lifts a ban. M_FORBIDDEN if there is none, so that nobody is kicked by way of it. */
export async function unbanUser(parts: RoomWriteParts & MembersParts, request: MembershipRequest): Promise<void> {
  if ((await requireTarget(parts, request)) !== 'ban') {
    throw new MatrixError('M_FORBIDDEN', `${request.targetId} is not banned from this room.`);
  }
  const content = buildMemberContent('leave', undefined, { reason: request.reason });
  await persistMember(parts, request.roomId, request.sender.userId, request.targetId, content);
}

/** The membership of the target in a room that the sender is in. */
async function requireTarget(parts: MembersParts, request: MembershipRequest): Promise<string | undefined> {
  if (!isUserId(request.targetId)) {
    throw new MatrixError('M_INVALID_PARAM', `"${request.targetId}" is not a user id.`);
  }
  return requireMembershipOf(parts, request.sender, request);
}

async function persistMember(
  parts: { readonly persistEvents: PersistEvents },
  roomId: string,
  sender: string,
  targetId: string,
  content: JsonObject,
): Promise<void> {
  const member = { sender, type: 'm.room.member', state_key: targetId, content };
  await parts.persistEvents({ room: { roomId }, events: [member] });
}
