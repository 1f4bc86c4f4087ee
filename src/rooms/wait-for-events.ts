/** Owns following one room, also one that is only peeked at: waiting for what happens in it next. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import { findReadableEnd, requirePageOrder, type TokenParts } from '#rooms/find-page-position.ts';
import { formatPageToken } from '#rooms/page-token.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import { scanTimeline } from '#rooms/scan-timeline.ts';
import type { StoredEvent } from '#storage/rooms/find-events.ts';
import type { Streams } from '#streams/streams.ts';

const EVENTS_MAX = 100;

export type FollowRequest = {
  readonly user: RoomUser & { readonly deviceNid: number };
  readonly roomId: string;
  /** A token of an earlier answer, of `/sync` or of `/messages`; undefined: from now on. */
  readonly from: string | undefined;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type FollowedEvents = {
  readonly reader: RoomReader;
  readonly chunk: readonly StoredEvent[];
  readonly start: string;
  readonly end: string;
};

/**
 * What the user may see of what happened after a token, oldest first; waits if there is nothing yet, and gives nothing when
 * the time is over. M_FORBIDDEN for whoever is not in the room and may not peek, M_INVALID_PARAM for a token that is none.
 * Specification: Client-Server API, `GET /events`, "peekEvents".
 */
export async function waitForEvents(
  parts: TokenParts & { readonly streams: Streams; readonly clock: Clock },
  request: FollowRequest,
): Promise<FollowedEvents> {
  const { user, roomId, timeoutMs, signal } = request;
  const deadlineMs = parts.clock.monotonicMs() + timeoutMs;
  let order: number | undefined;
  for (;;) {
    // Before the room is read, so that what happens meanwhile ends the wait at once.
    const after = parts.streams.horizons;
    const reader = await requireRoomReader(parts, user, roomId);
    if (reader.kind === 'left') throw new MatrixError('M_FORBIDDEN', 'You are not in this room.');
    const { roomNid } = reader.room;
    order ??=
      request.from === undefined
        ? await findReadableEnd(parts, reader)
        : await requirePageOrder(parts, roomNid, request.from);
    const { chunk, next } = await scanTimeline(parts, user, reader, {
      from: order,
      before: Number.MAX_SAFE_INTEGER,
      direction: 'f',
      limit: EVENTS_MAX,
      matches: undefined,
    });
    const token = (place: number): string => formatPageToken({ roomNid, order: place });
    const last = chunk.at(-1);
    const remainingMs = deadlineMs - parts.clock.monotonicMs();
    if (last !== undefined || remainingMs <= 0 || signal.aborted) {
      const end = next ?? (last === undefined ? order : last.roomOrder + 1);
      return { reader, chunk, start: request.from ?? token(order), end: token(end) };
    }
    const { userId, userNid, deviceNid } = user;
    await parts.streams.waitFor({
      userId,
      userNid,
      deviceNid,
      roomNids: [roomNid],
      after,
      timeoutMs: remainingMs,
      signal,
    });
  }
}
