/** Owns fetching history for our users: when it is tried, how long somebody waits for it, and that a room does it once at a time. */
import { fillHistory } from '#rooms/backfill/fill-history.ts';
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
/** Rooms for which history is fetched at the same time; others are answered with what is here. */
const ROOMS_MAX = 20;
/** After a page that nobody could give. */
const retry = { leastMs: 15_000, mostMs: 6 * 3_600_000 };

/** A stretch of a room's history, by `room_order`: gaps below orders greater than `after`, up to `upTo`. */
export type HistoryRange = { readonly after: number; readonly upTo: number };

export type Backfiller = AsyncDisposable & {
  /**
   * Fetches a page into the uppermost gap of the range, if there is one that is due. Resolves with true if there may be more
   * history here than before, with false where there is nothing to fetch, nobody gives it, or `deadlineMs` (by the monotonic
   * clock) is over. Never rejects because of another server.
   */
  readonly fill: (room: KnownRoom, range: HistoryRange, deadlineMs: number) => Promise<boolean>;
  /** Whether events are missing in the range, due or not. */
  readonly hasGap: (room: KnownRoom, range: HistoryRange) => Promise<boolean>;
};

export function createBackfiller(parts: GapParts): Backfiller {
  const running = new Map<string, Promise<boolean>>();
  const stopping = new AbortController();

  const findDue = (room: KnownRoom, range: HistoryRange): Promise<readonly Gap[]> =>
    findGaps(parts.database, room.roomNid, { ...range, dueAt: parts.clock.now() });

  /** One page for the gaps below one event, asked of one server after the other. */
  const fillPage = async (room: KnownRoom, gaps: readonly Gap[]): Promise<boolean> => {
    const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(PAGE_MS)]);
    const servers = await findServersInRoom(parts.database, room.roomNid);
    // Who is not in the room is told nothing of it.
    const others = servers.some(parts.isLocal) ? servers.filter((name) => !parts.isLocal(name)) : [];
    for (const server of others.slice(0, SERVERS_MAX)) {
      if (signal.aborted) return false;
      if ((await fillHistory(parts, { server, room, signal }, gaps)) > 0) return true;
    }
    const orders = [...new Set(gaps.map(({ beforeOrder }) => beforeOrder))];
    const now = parts.clock.now();
    await parts.database.transaction((tx) => postponeGapsBelow(tx, room.roomNid, orders, { now, ...retry }));
    return false;
  };

  const start = (room: KnownRoom, gaps: readonly Gap[]): Promise<boolean> => {
    const underWay = running.get(room.roomId);
    if (underWay !== undefined) return underWay;
    if (running.size >= ROOMS_MAX || stopping.signal.aborted) return Promise.resolve(false);
    const page = fillPage(room, gaps)
      .catch((error: unknown) => {
        parts.logger.warn({ err: error, roomId: room.roomId }, 'history could not be fetched');
        return false;
      })
      .finally(() => running.delete(room.roomId));
    running.set(room.roomId, page);
    return page;
  };

  return {
    fill: async (room, range, deadlineMs) => {
      const leftMs = deadlineMs - parts.clock.monotonicMs();
      if (leftMs <= 0) return false;
      const due = await findDue(room, range);
      const [uppermost] = due;
      if (uppermost === undefined) return false;
      const gaps = due.filter(({ beforeOrder }) => beforeOrder === uppermost.beforeOrder);
      return within(start(room, gaps), leftMs);
    },
    hasGap: async (room, range) =>
      (await findGaps(parts.database, room.roomNid, { ...range, dueAt: undefined })).length > 0,
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await Promise.all(running.values());
    },
  };
}

/** What is under way goes on when the time is over, for whoever asks next. */
async function within(page: Promise<boolean>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  try {
    return await Promise.race([page, over]);
  } finally {
    clearTimeout(timer);
  }
}
