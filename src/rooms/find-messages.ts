/** Owns paging through a room's history. */
import { compileEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';
import { findReadableEnd, requirePageOrder, type TokenParts } from '#rooms/find-page-position.ts';
import { findSenders } from '#rooms/find-senders.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import { scanWithHistory, type HistoryParts } from '#rooms/scan-with-history.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

/** What choosing events for a reader takes besides, and history that other servers have. */
type ReaderParts = HistoryParts & { readonly ignoredUsers: IgnoredUsers };

export type MessagesRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly direction: 'b' | 'f';
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly limit: number;
  readonly filter: RoomEventFilter;
};

export type MessagesPage = {
  readonly reader: RoomReader;
  readonly chunk: readonly StoredEvent[];
  /** Member events of the senders, if they are loaded lazily. */
  readonly state: readonly StoredEvent[];
  readonly start: string;
  /** Absent when there is nothing more in this direction. */
  readonly end: string | undefined;
};

/**
 * A page of what the user may see. Throws M_FORBIDDEN, and M_INVALID_PARAM for tokens that are none of this room.
 * Specification: Client-Server API, `GET /rooms/{roomId}/messages`.
 */
export async function findMessages(parts: TokenParts & ReaderParts, request: MessagesRequest): Promise<MessagesPage> {
  const { user, direction, filter } = request;
  const reader = await requireRoomReader(parts, user, request.roomId);
  const { roomNid } = reader.room;
  const from = request.from === undefined ? undefined : await requirePageOrder(parts, roomNid, request.from);
  const to = request.to === undefined ? undefined : await requirePageOrder(parts, roomNid, request.to);
  const readableEnd = await findReadableEnd(parts, reader);
  const first = from ?? (direction === 'b' ? readableEnd : Number.MIN_SAFE_INTEGER);
  // Whoever is in the room may be told of an event that came after the head was read; whoever left may not.
  const ceiling = reader.kind === 'left' ? readableEnd : Number.MAX_SAFE_INTEGER;
  const bounds =
    direction === 'b'
      ? { from: to ?? Number.MIN_SAFE_INTEGER, before: Math.min(first, ceiling) }
      : { from: first, before: Math.min(to ?? ceiling, ceiling) };
  const scan = {
    ...bounds,
    direction,
    limit: Math.min(request.limit, filter.limit ?? request.limit),
    matches: compileEventFilter(filter, request.roomId, await parts.ignoredUsers.find(user.userNid)),
  };
  const { chunk, next } = await scanWithHistory(parts, user, reader, scan);
  const start = direction === 'f' && from === undefined ? (chunk[0]?.roomOrder ?? readableEnd) : first;
  return {
    reader,
    chunk,
    state: filter.lazy_load_members === true ? await findSenders(parts, reader, chunk) : [],
    start: request.from ?? formatPageToken({ roomNid, order: start }),
    end: next === undefined ? undefined : formatPageToken({ roomNid, order: next }),
  };
}
