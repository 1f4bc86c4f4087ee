/** Owns listing the members of a room. */
import { contentOf, findMemberEvents } from '#rooms/find-room-state.ts';
import { requireRootAt, type TokenParts } from '#rooms/find-page-position.ts';
import { requireJoinedRoomOfAll, requireReaderOfAll, type MembersParts } from '#rooms/partial/require-members.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';

export type MembersRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  /** A token of `/sync` or `/messages`: the members as of then. */
  readonly at: string | undefined;
  readonly membership: string | undefined;
  readonly notMembership: string | undefined;
  readonly signal: AbortSignal;
};

/**
 * The member events that the user may see, once all are known. With both filters, those that fulfil either.
 * Throws as `requireReaderOfAll` does, and M_INVALID_PARAM for a token that is none.
 * Specification: Client-Server API, `GET /rooms/{roomId}/members`.
 */
export async function findMembers(
  parts: TokenParts & MembersParts,
  request: MembersRequest,
): Promise<{ readonly room: KnownRoom; readonly members: readonly StoredEvent[] }> {
  const { membership, notMembership } = request;
  const reader = await requireReaderOfAll(parts, request.user, request);
  const { room } = reader;
  const root = request.at === undefined ? reader.root : await requireRootAt(parts, reader, request.at);
  const members = await findMemberEvents(parts, room.roomNid, root);
  if (membership === undefined && notMembership === undefined) return { room, members };
  return {
    room,
    members: members.filter((event) => {
      const actual = contentOf(event, room.version)['membership'];
      return actual === membership || (notMembership !== undefined && actual !== notMembership);
    }),
  };
}

/** Null for what a member has not; clients of older servers expect both keys. */
export type JoinedMember = { readonly display_name: string | null; readonly avatar_url: string | null };

/** Who is joined, with their names, once all are known. For those who are joined themselves; others are answered M_FORBIDDEN. */
export async function findJoinedMembers(
  parts: MembersParts,
  user: RoomUser,
  asked: { readonly roomId: string; readonly signal: AbortSignal },
): Promise<ReadonlyMap<string, JoinedMember>> {
  const { room, root } = await requireJoinedRoomOfAll(parts, user, asked);
  const joined = new Map<string, JoinedMember>();
  for (const event of await findMemberEvents(parts, room.roomNid, root)) {
    const { membership, displayname, avatar_url: avatarUrl } = contentOf(event, room.version);
    if (membership !== 'join' || event.stateKey === undefined) continue;
    joined.set(event.stateKey, {
      display_name: typeof displayname === 'string' ? displayname : null,
      avatar_url: typeof avatarUrl === 'string' ? avatarUrl : null,
    });
  }
  return joined;
}
