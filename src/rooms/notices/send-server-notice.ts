/** Owns sending a notice of the server to one of its users, in a room of the two. */
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { inviteUser } from '#rooms/change-membership.ts';
import { createRoom, requireNewRoom, type CreateRoomParts } from '#rooms/create-room.ts';
import { ensureNotifier } from '#rooms/notices/notifier.ts';
import type { MembersParts } from '#rooms/partial/require-members.ts';
import type { ReplayKey } from '#rooms/persist-request.ts';
import type { RoomUser, RoomWriteParts } from '#rooms/room-parts.ts';
import { sendEvent } from '#rooms/send-event.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import { findRoomTheyShare } from '#storage/rooms/find-shared-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';
import type { WriteStreams } from '#streams/stream-writer.ts';
import type { CreateAccountParts } from '#users/create-account.ts';
import { setRoomTag } from '#users/room-tags.ts';

export type NoticeParts = CreateRoomParts &
  RoomWriteParts &
  MembersParts &
  CreateAccountParts & {
    readonly config: { readonly rooms: { readonly defaultVersion: string } };
    readonly streams: { readonly write: WriteStreams };
  };

export type NoticeRequest = {
  readonly userId: string;
  readonly type: string;
  readonly content: JsonObject;
  /** The administrator's device and transaction. */
  readonly replay: ReplayKey;
};

/**
 * Answers the event's id. The user's room is made with the first notice and tagged `m.server_notice`; who has left it is
 * invited again. Throws M_NOT_FOUND where there is no such user, and what inviting and sending throw.
 * Specification: Client-Server API, "Server Notices".
 */
export async function sendServerNotice(parts: NoticeParts, request: NoticeRequest): Promise<string> {
  const { userId, type, content, replay } = request;
  const target = (await findLocalUsers(parts.database, [userId])).get(userId);
  if (target === undefined) throw new MatrixError('M_NOT_FOUND', `There is no user ${userId} on this server.`);
  const notifier = await ensureNotifier(parts);
  const roomId = await ensureRoom(parts, notifier, target);
  return sendEvent(parts, { roomId, sender: notifier.userId, type, content, replay });
}

async function ensureRoom(parts: NoticeParts, notifier: RoomUser, target: RoomUser): Promise<string> {
  const shared = await findRoomTheyShare(parts.database, notifier.userNid, target.userNid);
  if (shared !== undefined) {
    const { roomId, membership } = shared;
    if (membership === membershipCodes.leave) {
      await inviteUser(parts, { roomId, sender: notifier, targetId: target.userId });
    }
    return roomId;
  }
  const roomId = await createRoom(parts, {
    creator: notifier,
    versionId: parts.config.rooms.defaultVersion,
    preset: 'private_chat',
    name: 'Server notices',
    // The room is for listening.
    powerLevelOverride: { events_default: 50, invite: 100 },
    invite: [target.userId],
  });
  const { roomNid } = await requireNewRoom(parts, roomId);
  await setRoomTag(parts.streams.write, { userNid: target.userNid, roomNid }, 'm.server_notice', {});
  return roomId;
}
