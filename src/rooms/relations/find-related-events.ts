/** Owns paging through the events that relate to another. */
import { selectVisible } from '#rooms/event-visibility.ts';
import { findReadableEnd, requirePageOrder, type TokenParts } from '#rooms/find-page-position.ts';
import { requireVisibleEvent } from '#rooms/find-visible-event.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import { findRelated } from '#storage/rooms/find-relations.ts';
import { isUnheard, type IgnoredUsers } from '#users/ignored-users.ts';

/** How far `recurse` goes down: an edit of an answer in a thread is two steps, a reaction to it too. */
export const RECURSION_DEPTH = 3;

export type RelatedRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly parentId: string;
  readonly relType: string | undefined;
  readonly eventType: string | undefined;
  readonly direction: 'b' | 'f';
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly limit: number;
  readonly recurse: boolean;
};

export type RelatedPage = {
  readonly reader: RoomReader;
  readonly chunk: readonly StoredEvent[];
  readonly nextBatch: string | undefined;
  readonly prevBatch: string | undefined;
};

/**
 * A page of the event's children, and with `recurse` of their children too. Throws M_NOT_FOUND for an event that the user
 * may not see, M_INVALID_PARAM for tokens that are none of the room. Specification: Client-Server API, "Relationships API".
 */
export async function findRelatedEvents(
  parts: TokenParts & { readonly ignoredUsers: IgnoredUsers },
  request: RelatedRequest,
): Promise<RelatedPage> {
  const { user, roomId, direction, limit } = request;
  const { reader } = await requireVisibleEvent(parts, user, roomId, request.parentId);
  const { roomNid } = reader.room;
  const orderOf = async (token: string | undefined): Promise<number | undefined> =>
    token === undefined ? undefined : requirePageOrder(parts, roomNid, token);
  const [start, stop] = [await orderOf(request.from), await orderOf(request.to)];
  const ceiling = reader.kind === 'left' ? await findReadableEnd(parts, reader) : Number.MAX_SAFE_INTEGER;
  const [from, before] = direction === 'b' ? [stop, start] : [start, stop];
  const read = await findRelated(parts.database, {
    roomNid,
    parentId: request.parentId,
    relType: request.relType,
    eventType: request.eventType,
    depth: request.recurse ? RECURSION_DEPTH : 1,
    from: from ?? Number.MIN_SAFE_INTEGER,
    before: Math.min(before ?? ceiling, ceiling),
    direction,
    // One more than is wanted tells whether there are more.
    limit: limit + 1,
  });
  const page = read.slice(0, limit);
  const last = page.at(-1);
  const visible = await selectVisible(parts, user, reader, page);
  const ignored = await parts.ignoredUsers.find(user.userNid);
  const next = direction === 'b' ? last?.roomOrder : (last?.roomOrder ?? 0) + 1;
  return {
    reader,
    chunk: visible.filter((event) => !isUnheard(event, ignored)),
    nextBatch: read.length > limit && next !== undefined ? formatPageToken({ roomNid, order: next }) : undefined,
    prevBatch: request.from,
  };
}
