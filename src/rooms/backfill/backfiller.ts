/** Owns fetching history for our users: when it is tried, how long somebody waits for it, and that a room does it once at a time. */
import { BoundedMap } from '#core/bounded-map.ts';
import { isEventId } from '#matrix/ids.ts';
import { fetchHistoricEvent } from '#rooms/backfill/fetch-historic-event.ts';
import { fillHistory } from '#rooms/backfill/fill-history.ts';
import { SharedWork } from '#rooms/backfill/shared-work.ts';
import type { Moment } from '#rooms/moment.ts';
import { fetchEventByTime, type Asked, type ToldMoment } from '#rooms/receive/gaps/fetch-events.ts';
import type { GapParts } from '#rooms/receive/receive-parts.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findGaps, postponeGapsBelow, type Gap } from '#storage/rooms/gaps.ts';

/** For how long a request waits for history that other servers have. */
export const BACKFILL_WAIT_MS = 10_000;
/** One page may take so long; the request that wanted it has been answered by then. */
const PAGE_MS = 30_000;
/** Servers that are asked for a page, one after the other. */
const SERVERS_MAX = 5;
/** Pages and events that are fetched at the same time; who wants more is answered with what is here. */
const WORK_MAX = 20;
const UNKNOWN_MAX = 10_000;
/** After a page that nobody could give. */
const retry = { leastMs: 15_000, mostMs: 6 * 3_600_000 };

/** A stretch of a room's history, by `room_order`: gaps below orders greater than `after`, up to `upTo`. */
export type HistoryRange = { readonly after: number; readonly upTo: number };

const everywhere: HistoryRange = { after: Number.MIN_SAFE_INTEGER, upTo: Number.MAX_SAFE_INTEGER };

export type Backfiller = AsyncDisposable & {
  /**
   * Fetches a page into the uppermost gap of the range, if there is one that is due. Resolves with true if there may be more
   * history here than before, with false where there is nothing to fetch, nobody gives it, or `deadlineMs` (by the monotonic
   * clock) is over. Never rejects because of another server.
   */
  readonly fill: (room: KnownRoom, range: HistoryRange, deadlineMs: number) => Promise<boolean>;
  /**
   * Fetches one event that history which is not here must have: whether it is here then. False at once where no history is
   * missing. Never rejects because of another server.
   */
  readonly fetchEvent: (room: KnownRoom, eventId: string, deadlineMs: number) => Promise<boolean>;
  /** The answer of the first server that tells of an event next to the moment; its word, and no more. */
  readonly askForMoment: (room: KnownRoom, moment: Moment, deadlineMs: number) => Promise<ToldMoment | undefined>;
  /** The order below which history of the range is still on its way or to be asked for; undefined where nobody had any. */
  readonly findPending: (room: KnownRoom, range: HistoryRange) => Promise<number | undefined>;
  /** Whether events are missing in the range, due or not. */
  readonly hasGap: (room: KnownRoom, range: HistoryRange) => Promise<boolean>;
};

export function createBackfiller(parts: GapParts): Backfiller {
  const { database, clock, logger } = parts;
  const stopping = new AbortController();
  const failed = (err: unknown): void => logger.warn({ err }, 'history could not be fetched');
  /** By room id the page, by event id the single event that is being fetched. */
  const work = new SharedWork({ atOnceMax: WORK_MAX, failed });
  /** Events that no server gave, until when they are not asked for again. */
  const unknown = new BoundedMap<string, number>({ sizeMax: UNKNOWN_MAX });
  const left = (deadlineMs: number): number => Math.ceil(deadlineMs - clock.monotonicMs());
  const askEach = (room: KnownRoom, ask: (asked: Asked) => Promise<boolean>): Promise<boolean> =>
    askInTurn(parts, room, AbortSignal.any([stopping.signal, AbortSignal.timeout(PAGE_MS)]), ask);
  const hasGap: Backfiller['hasGap'] = async (room, range) =>
    (await findGaps(database, room.roomNid, { ...range, dueAt: undefined })).length > 0;

  const findDue = (room: KnownRoom, range: HistoryRange): Promise<Gap[]> =>
    findGaps(database, room.roomNid, { ...range, dueAt: clock.now() });

  /** One page for the gaps below one event. */
  const fillPage = async (room: KnownRoom, gaps: readonly Gap[]): Promise<boolean> => {
    if (await askEach(room, async (asked) => (await fillHistory(parts, asked, gaps)) > 0)) return true;
    const orders = [...new Set(gaps.map(({ beforeOrder }) => beforeOrder))];
    await database.transaction((tx) => postponeGapsBelow(tx, room.roomNid, orders, { now: clock.now(), ...retry }));
    return false;
  };
  const fetchOne = async (room: KnownRoom, eventId: string): Promise<boolean> => {
    if (await askEach(room, (asked) => fetchHistoricEvent(parts, asked, eventId))) return true;
    unknown.set(eventId, clock.monotonicMs() + retry.leastMs);
    return false;
  };

  return {
    fill: async (room, range, deadlineMs) => {
      if (left(deadlineMs) <= 0 || stopping.signal.aborted) return false;
      const due = await findDue(room, range);
      const gaps = due.filter(({ beforeOrder }) => beforeOrder === due[0]?.beforeOrder);
      return gaps.length > 0 && work.run(room.roomId, left(deadlineMs), () => fillPage(room, gaps));
    },
    fetchEvent: async (room, eventId, deadlineMs) => {
      const isUnknown = (unknown.get(eventId) ?? 0) > clock.monotonicMs();
      if (isUnknown || stopping.signal.aborted || !isEventId(eventId) || !(await hasGap(room, everywhere)))
        return false;
      return work.run(eventId, left(deadlineMs), () => fetchOne(room, eventId));
    },
    askForMoment: async (room, moment, deadlineMs) => {
      if (left(deadlineMs) <= 0 || !(await hasGap(room, everywhere))) return undefined;
      let told: ToldMoment | undefined;
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(left(deadlineMs))]);
      await askInTurn(parts, room, signal, async (asked) => {
        told = await fetchEventByTime(parts, asked, moment);
        return told !== undefined;
      });
      return told;
    },
    findPending: async (room, range) => (await findDue(room, range))[0]?.beforeOrder,
    hasGap,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await work.settled();
    },
  };
}

/** One server of the room after the other, until one helps. Who is not in the room is told nothing of it. */
async function askInTurn(
  { database, isLocal }: GapParts,
  room: KnownRoom,
  signal: AbortSignal,
  ask: (asked: Asked) => Promise<boolean>,
): Promise<boolean> {
  const servers = await findServersInRoom(database, room.roomNid);
  if (!servers.some(isLocal)) return false;
  for (const server of servers.filter((name) => !isLocal(name)).slice(0, SERVERS_MAX)) {
    if (signal.aborted) return false;
    if (await ask({ server, room, signal })) return true;
  }
  return false;
}
