/** Owns finding the event of a room that is next to a moment. */
import { MatrixError } from '#matrix/error.ts';
import { BACKFILL_WAIT_MS } from '#rooms/backfill/backfiller.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import type { Moment } from '#rooms/moment.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { requireRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import type { HistoryParts } from '#rooms/scan-with-history.ts';
import type { ReadTx } from '#storage/database.ts';
import { findEventsByTime, type StoredEvent, type TimePlace } from '#storage/rooms/find-events.ts';

const BATCH = 50;
/** Events that one request looks at when none of them may be seen. */
const SCANNED_MAX = 1_000;

/**
 * The nearest event at or after (`f`), or at or before (`b`) a time in milliseconds, by the clocks of their senders'
 * servers; of several with one time the first on the way. Where history is missing here, other servers are asked, and what
 * they name is fetched. M_FORBIDDEN, M_NOT_FOUND.
 * Specification: Client-Server API, `GET /rooms/{roomId}/timestamp_to_event`.
 */
export async function requireEventByTime(
  parts: RoomReadParts & HistoryParts,
  request: Moment & { readonly user: RoomUser; readonly roomId: string },
): Promise<StoredEvent> {
  const { user, roomId } = request;
  const reader = await requireRoomReader(parts, user, roomId);
  const find = (): Promise<StoredEvent | undefined> =>
    findEventByTime(parts.database, reader.room.roomNid, request, async (events) => {
      const [visible] = await selectVisible(parts, user, reader, events);
      return visible;
    });
  const here = await find();
  if (reader.kind === 'left' || !(await fetchNearer(parts, reader, request, here)))
    return here ?? refuseMoment(request);
  return (await find()) ?? refuseMoment(request);
}

/** Whether an event has come that other servers say is nearer to the moment. */
async function fetchNearer(
  parts: HistoryParts,
  { room }: RoomReader,
  moment: Moment,
  here: StoredEvent | undefined,
): Promise<boolean> {
  const deadlineMs = parts.clock.monotonicMs() + BACKFILL_WAIT_MS;
  const told = await parts.backfiller.askForMoment(room, moment, deadlineMs);
  if (told === undefined) return false;
  const distance = (ts: number): number => (moment.direction === 'f' ? ts - moment.ts : moment.ts - ts);
  const isNearer = here === undefined || distance(told.originServerTs) < distance(here.originServerTs);
  return isNearer && parts.backfiller.fetchEvent(room, told.eventId, deadlineMs);
}

/** Throws M_NOT_FOUND. */
export function refuseMoment({ direction }: Moment): never {
  const side = direction === 'f' ? 'after' : 'before';
  throw new MatrixError('M_NOT_FOUND', `There is no event ${side} this moment that you may see.`);
}

/** The nearest event of the room of which `select` takes one; it is given the events in batches, nearest first. */
export async function findEventByTime(
  db: ReadTx,
  roomNid: number,
  { ts, direction }: Moment,
  select: (events: readonly StoredEvent[]) => Promise<StoredEvent | undefined>,
): Promise<StoredEvent | undefined> {
  const isForward = direction === 'f';
  let from: TimePlace = { ts, order: isForward ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER };
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += BATCH) {
    const events = await findEventsByTime(db, roomNid, direction, from, BATCH);
    const selected = await select(events);
    if (selected !== undefined) return selected;
    const last = events.at(-1);
    if (last === undefined || events.length < BATCH) return undefined;
    from = { ts: last.originServerTs, order: last.roomOrder + (isForward ? 1 : -1) };
  }
  return undefined;
}
