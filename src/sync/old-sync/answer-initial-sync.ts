/** Owns the answer of the deprecated GET /initialSync: an initial sync in the form of before /sync. */
import { findDirectoryVisibility } from '#rooms/directory/publish-room.ts';
import { findOwnMemberEvent } from '#sync/old-sync/own-member-events.ts';
import { askSync, eventsOf, type OldSyncRequest, type SyncedRoom } from '#sync/old-sync/sync-answer.ts';
import type { SyncParts } from '#sync/sync-request.ts';

type InitialSyncRequest = Pick<OldSyncRequest, 'userId' | 'userNid' | 'deviceNid' | 'signal'> & {
  /** Of each room the newest events. */
  readonly limit: number;
  /** Whether rooms that the user has left are told, too. */
  readonly archived: boolean;
};

/** Specification: Client-Server API, `GET /initialSync`. Rooms that the user has knocked on have no place in it. */
export async function answerInitialSync(parts: SyncParts, request: InitialSyncRequest): Promise<object> {
  const { limit, archived, ...user } = request;
  const asked = { ...user, since: undefined, timeoutMs: 0, timelineLimit: limit, includeLeave: archived };
  const { next_batch: end, rooms = {}, presence, account_data: accountData } = await askSync(parts, asked);
  const told = Object.entries({ ...rooms.join, ...rooms.leave });
  return {
    end,
    rooms: [
      ...(await Promise.all(told.map(([roomId, room]) => roomInfo(parts, user.userId, roomId, room, end)))),
      ...(await Promise.all(Object.keys(rooms.invite ?? {}).map((roomId) => inviteInfo(parts, user, roomId)))),
    ],
    presence: presence?.events ?? [],
    account_data: accountData?.events ?? [],
  };
}

async function roomInfo(
  parts: SyncParts,
  userId: string,
  roomId: string,
  { timeline, state_after: state, account_data: accountData }: SyncedRoom,
  end: string,
): Promise<object> {
  // Of a room that the user never was in, a sync tells the timeline alone.
  const told = [...(state?.events ?? []), ...timeline.events];
  const own = told.findLast((event) => event['type'] === 'm.room.member' && event['state_key'] === userId);
  return {
    room_id: roomId,
    membership: membershipIn(own?.['content']) ?? 'leave',
    // Without any messages the page before them begins where they would end.
    messages: { start: timeline.prev_batch ?? end, end, chunk: eventsOf(timeline, roomId) },
    state: eventsOf(state, roomId),
    visibility: await findDirectoryVisibility(parts, roomId),
    account_data: accountData?.events ?? [],
  };
}

async function inviteInfo(
  parts: SyncParts,
  user: { readonly userNid: number; readonly deviceNid: number },
  roomId: string,
): Promise<object> {
  return { room_id: roomId, membership: 'invite', invite: await findOwnMemberEvent(parts, user, roomId) };
}

function membershipIn(content: unknown): unknown {
  return typeof content === 'object' && content !== null && 'membership' in content ? content.membership : undefined;
}
