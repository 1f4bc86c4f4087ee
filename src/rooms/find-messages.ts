/** Owns paging through a room's history. */
import { compileEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import { findReadableEnd, requirePageOrder, type TokenParts } from '#rooms/find-page-position.ts';
import { findStateEvents, type TypeAndKey } from '#rooms/find-room-state.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import { findRoomTimeline, type StoredEvent, type TimelineRange } from '#storage/rooms/find-events.ts';

/** Events that one request looks at when most are filtered away; the next page goes on from there. */
const SCANNED_MAX = 2_000;
/** Events read at a time when a filter may want few of them. */
const FILTERED_BATCH = 100;

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
export async function findMessages(parts: TokenParts, request: MessagesRequest): Promise<MessagesPage> {
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
  const { chunk, next } = await scan(parts, user, reader, {
    ...bounds,
    direction,
    limit: Math.min(request.limit, filter.limit ?? request.limit),
    matches: compileEventFilter(filter, request.roomId),
  });
  const start = direction === 'f' && from === undefined ? (chunk[0]?.roomOrder ?? readableEnd) : first;
  return {
    reader,
    chunk,
    state: filter.lazy_load_members === true ? await findSenders(parts, reader, chunk, direction) : [],
    start: request.from ?? formatPageToken({ roomNid, order: start }),
    end: next === undefined ? undefined : formatPageToken({ roomNid, order: next }),
  };
}

type Scan = Required<TimelineRange> & { readonly matches: ((event: StoredEvent) => boolean) | undefined };

/** Reads on until the page is full, the range is at its end, or enough has been looked at. */
async function scan(
  parts: TokenParts,
  user: RoomUser,
  reader: RoomReader,
  { matches, limit, ...range }: Scan,
): Promise<{ readonly chunk: readonly StoredEvent[]; readonly next: number | undefined }> {
  const chunk: StoredEvent[] = [];
  const batch = matches === undefined ? limit : Math.max(limit, FILTERED_BATCH);
  let { from, before } = range;
  for (let scanned = 0; ; scanned += batch) {
    // One more than is wanted tells whether there are more.
    const read = await findRoomTimeline(parts.database, reader.room.roomNid, {
      from,
      before,
      direction: range.direction,
      limit: batch + 1,
    });
    const events = read.slice(0, batch);
    const visible = await selectVisible(parts, user, reader, events);
    const wanted = matches === undefined ? visible : visible.filter(matches);
    const taken = wanted.slice(0, limit - chunk.length);
    chunk.push(...taken);
    const last = taken.length < wanted.length ? taken.at(-1) : events.at(-1);
    const hasMore = taken.length < wanted.length || read.length > batch;
    if (last === undefined || !hasMore) return { chunk, next: undefined };
    const next = range.direction === 'b' ? last.roomOrder : last.roomOrder + 1;
    if (chunk.length >= limit || scanned + batch >= SCANNED_MAX) return { chunk, next };
    if (range.direction === 'b') before = next;
    else from = next;
  }
}

/** Member events of those who sent the events, as of the newest of them. */
async function findSenders(
  parts: TokenParts,
  reader: RoomReader,
  chunk: readonly StoredEvent[],
  direction: 'b' | 'f',
): Promise<StoredEvent[]> {
  const newest = direction === 'b' ? chunk[0] : chunk.at(-1);
  if (newest === undefined) return [];
  const senders = [...new Set(chunk.map((event) => event.sender))];
  const keys = senders.map((sender): TypeAndKey => ['m.room.member', sender]);
  return findStateEvents(parts, reader.room.roomNid, newest.stateBefore ?? reader.root, keys);
}
