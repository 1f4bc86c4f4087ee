/** Owns reading along a room's history what a reader may see and a filter lets through. */
import { selectVisible } from '#rooms/event-visibility.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { findRoomTimeline, type StoredEvent, type TimelineRange } from '#storage/rooms/find-events.ts';

/** Events that one request looks at when most are filtered away; the next page goes on from there. */
const SCANNED_MAX = 2_000;
/** Events read at a time when a filter may want few of them. */
const FILTERED_BATCH = 100;

export type Scan = Required<TimelineRange> & { readonly matches: ((event: StoredEvent) => boolean) | undefined };

/** `next` is the place from which it goes on; undefined at the end of the range. */
export type ScannedPage = { readonly chunk: readonly StoredEvent[]; readonly next: number | undefined };

/** Reads on until the page is full, the range is at its end, or enough has been looked at. */
export async function scanTimeline(
  parts: Pick<RoomReadParts, 'database'>,
  user: RoomUser,
  reader: RoomReader,
  { matches, limit, ...range }: Scan,
): Promise<ScannedPage> {
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
