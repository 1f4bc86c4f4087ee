/** Owns setting one entry of a room's state. */
import { isDeepStrictEqual } from 'node:util';
import type { JsonObject } from '#matrix/pdu.ts';
import { inviteRemoteUser, type RemoteInviteParts } from '#rooms/admit/invite-remote-user.ts';
import { requireOwnAliases } from '#rooms/aliases/check-canonical-alias.ts';
import type { ResolveParts } from '#rooms/aliases/resolve-alias.ts';
import { persistJoin, type LocalJoinParts } from '#rooms/join-room.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import { requireLeavable, type LeavableParts } from '#rooms/notices/require-leavable.ts';
import { requireInvitable } from '#rooms/require-invitable.ts';
import { requireMembershipOf, type MembersParts } from '#rooms/partial/require-members.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { requireJoinedRoom } from '#rooms/room-reader.ts';
import { requireOnlyId } from '#rooms/send-event.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/** What setting state takes. The server's own invitations cannot be rejected, whichever way it is tried. */
export type SetStateParts = LocalJoinParts &
  LeavableParts &
  RemoteInviteParts &
  MembersParts &
  ResolveParts & { readonly workWaiting: () => void };

type StateRequest = {
  readonly roomId: string;
  readonly sender: RoomUser;
  readonly type: string;
  readonly stateKey: string;
  readonly content: JsonObject;
};

/**
 * Answers the event's id. Whether it may be is for the auth rules; besides, an invitation must reach somebody, a join
 * goes the way of all joins, and an alias must lead to the room (M_INVALID_PARAM, M_BAD_ALIAS).
 */
export async function setState(parts: SetStateParts, request: StateRequest): Promise<string> {
  const { roomId, sender, type, stateKey } = request;
  if (type === 'm.room.member') return setMember(parts, request);
  if (type === 'm.room.canonical_alias' && stateKey === '') await requireOwnAliases(parts, roomId, request.content);
  // A second create event is refused even if it says the same.
  const same = type === 'm.room.create' ? undefined : await findSame(parts, request);
  const eventId = same ?? (await persist(parts, { ...request, sender: sender.userId }));
  // Guests may have to leave, which others need not wait for.
  if (type === 'm.room.guest_access') parts.workWaiting();
  return eventId;
}

/** The event that the user set the same entry to the same content by, so that a repetition says nothing new. */
async function findSame(parts: RoomWriteParts, request: StateRequest): Promise<string | undefined> {
  const { roomId, sender, type, stateKey, content } = request;
  const { room, root } = await requireJoinedRoom(parts, sender, roomId);
  const event = await findStateEvent(parts, room.roomNid, root, type, stateKey);
  if (event === undefined || event.sender !== sender.userId || event.redaction !== undefined) return undefined;
  return isDeepStrictEqual(contentOf(event, room.version), content) ? event.eventId : undefined;
}

async function setMember(parts: SetStateParts, request: StateRequest): Promise<string> {
  const { roomId, sender, stateKey } = request;
  const { join_authorised_via_users_server: _claimed, ...content } = request.content;
  const isOwn = stateKey === sender.userId;
  // The event is judged by what the other one is to the room.
  if (!isOwn) await requireMembershipOf(parts, sender, { roomId, targetId: stateKey });
  if (content['membership'] === 'invite') {
    await requireInvitable(parts, [stateKey]);
    if (!parts.isLocal(stateKey)) {
      return inviteRemoteUser(parts, { roomId, senderId: sender.userId, invitedId: stateKey, content });
    }
  }
  if (isOwn && content['membership'] === 'leave') await requireLeavable(parts, sender, roomId);
  const room = isOwn && content['membership'] === 'join' ? await findRoom(parts.database, roomId) : undefined;
  if (room !== undefined) {
    const own = (await findLocalUsers(parts.database, [sender.userId])).get(sender.userId);
    return persistJoin(parts, { ...sender, isGuest: own?.isGuest ?? false }, room, content);
  }
  return persist(parts, { ...request, content, sender: sender.userId });
}

async function persist(
  { persistEvents }: RoomWriteParts,
  request: Omit<StateRequest, 'sender'> & { readonly sender: string },
): Promise<string> {
  const { roomId, sender, type, stateKey, content } = request;
  const event = { sender, type, state_key: stateKey, content };
  return requireOnlyId((await persistEvents({ room: { roomId }, events: [event] })).eventIds);
}
