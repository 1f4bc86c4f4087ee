/** Owns finding what happened around an event of a room. */
import { compileEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';
import { requireEventWithHistory } from '#rooms/find-visible-event.ts';
import { findUnknownSenders } from '#rooms/find-senders.ts';
import { findReadableEnd } from '#rooms/find-page-position.ts';
import { findWholeState } from '#rooms/find-room-state.ts';
import type { MembersParts } from '#rooms/partial/require-members.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { scanWithHistory, type HistoryParts } from '#rooms/scan-with-history.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

/** What choosing events for a reader takes besides. */
type ReaderParts = HistoryParts & { readonly ignoredUsers: IgnoredUsers };

export type ContextRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly eventId: string;
  /** Of the events before and after together. */
  readonly limit: number;
  readonly filter: RoomEventFilter;
  readonly signal: AbortSignal;
};

export type EventContext = {
  readonly reader: RoomReader;
  readonly event: StoredEvent;
  /** Newest first. */
  readonly before: readonly StoredEvent[];
  readonly after: readonly StoredEvent[];
  /** After the last of the events. */
  readonly state: readonly StoredEvent[];
  readonly start: string;
  readonly end: string;
};

/**
 * Throws M_NOT_FOUND as `requireEventWithHistory` does. Whose client does not load members lazily waits for all of them.
 * Specification: Client-Server API, "Event context".
 */
export async function findContext(parts: MembersParts & ReaderParts, request: ContextRequest): Promise<EventContext> {
  const { user, roomId, eventId, filter } = request;
  let { reader, event } = await requireEventWithHistory(parts, user, roomId, eventId);
  if (reader.isPartial && filter.lazy_load_members !== true) {
    await parts.partialRooms.whenComplete(reader.room.roomNid, request.signal);
    ({ reader, event } = await requireEventWithHistory(parts, user, roomId, eventId));
  }
  const limit = Math.min(request.limit, filter.limit ?? request.limit);
  const matches = compileEventFilter(filter, roomId, await parts.ignoredUsers.find(user.userNid));
  const ceiling = reader.kind === 'left' ? await findReadableEnd(parts, reader) : Number.MAX_SAFE_INTEGER;
  const beforeLimit = Math.floor(limit / 2);
  const { roomOrder } = event;
  const lowest = Number.MIN_SAFE_INTEGER;
  const [older, newer] = await Promise.all([
    scanWithHistory(parts, user, reader, {
      from: lowest,
      before: roomOrder,
      direction: 'b',
      limit: beforeLimit,
      matches,
    }),
    scanWithHistory(parts, user, reader, {
      from: roomOrder + 1,
      before: ceiling,
      direction: 'f',
      limit: limit - beforeLimit,
      matches,
    }),
  ]);
  const last = newer.chunk.at(-1) ?? event;
  const told = [...older.chunk, event, ...newer.chunk];
  const token = (order: number): string => formatPageToken({ roomNid: reader.room.roomNid, order });
  return {
    reader,
    event,
    before: older.chunk,
    after: newer.chunk,
    state: await findStateAfter(parts, reader, last, told, filter),
    start: token(older.next ?? older.chunk.at(-1)?.roomOrder ?? roomOrder),
    end: token(newer.next ?? last.roomOrder + 1),
  };
}

async function findStateAfter(
  parts: RoomReadParts,
  reader: RoomReader,
  last: StoredEvent,
  told: readonly StoredEvent[],
  filter: RoomEventFilter,
): Promise<StoredEvent[]> {
  const { roomNid, roomId } = reader.room;
  const before = await findWholeState(parts, roomNid, last.stateBefore ?? reader.root);
  const known = last.stateKey === undefined ? before : [...before.filter(({ keyNid }) => keyNid !== last.keyNid), last];
  const members = known.filter(({ type }) => type === 'm.room.member');
  const state = reader.isPartial ? [...known, ...(await findUnknownSenders(parts, roomNid, told, members))] : known;
  const matches = compileEventFilter(filter, roomId);
  const senders = new Set(told.map((event) => event.sender));
  const isWanted = ({ type, stateKey = '' }: StoredEvent): boolean =>
    filter.lazy_load_members !== true || type !== 'm.room.member' || senders.has(stateKey);
  return state.filter((event) => isWanted(event) && matches?.(event) !== false);
}
