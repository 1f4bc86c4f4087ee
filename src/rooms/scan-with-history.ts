/** Owns reading along a room's history with what other servers have of it where events are missing here. */
import type { Clock } from '#core/clock.ts';
import { BACKFILL_WAIT_MS, type Backfiller } from '#rooms/backfill/backfiller.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { scanTimeline, type Scan, type ScannedPage } from '#rooms/scan-timeline.ts';

export type HistoryParts = Pick<RoomReadParts, 'database'> & {
  readonly clock: Clock;
  readonly backfiller: Backfiller;
};

/**
 * As `scanTimeline`, with what other servers have of the events that are missing in the page, as far as it comes in time.
 * Where it does not, the page has what is here, and a next one, so that it can be asked for again.
 */
export async function scanWithHistory(
  parts: HistoryParts,
  user: RoomUser,
  reader: RoomReader,
  scan: Scan,
): Promise<ScannedPage> {
  const deadlineMs = parts.clock.monotonicMs() + BACKFILL_WAIT_MS;
  for (;;) {
    const page = await scanTimeline(parts, user, reader, scan);
    const { from, before, limit } = scan;
    // What is missing below an event belongs to the page if the page goes on below it.
    const range =
      scan.direction === 'b' ? { after: page.next ?? from, upTo: before } : { after: from, upTo: page.next ?? before };
    // From the very beginning forwards, all history there is would be fetched first.
    if (limit === 0 || (scan.direction === 'f' && from === Number.MIN_SAFE_INTEGER)) return page;
    // In most rooms that is all there is to ask.
    if (!(await parts.backfiller.hasGap(reader.room, range))) return page;
    if (await parts.backfiller.fill(reader.room, range, deadlineMs)) continue;
    if (scan.direction === 'f') return page;
    const pending = await parts.backfiller.findPending(reader.room, range);
    // What is on its way would be passed over by a page that went on below it.
    if (pending !== undefined)
      return { chunk: page.chunk.filter((event) => event.roomOrder >= pending), next: pending };
    return page.next === undefined ? { ...page, next: page.chunk.at(-1)?.roomOrder ?? before } : page;
  }
}
