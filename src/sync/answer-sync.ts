/** Owns answering GET /sync: what is new for one user since a token, waiting for it if need be. */
import { collectSections } from '#sync/collect-sections.ts';
import { hasNews, type Listener } from '#streams/has-news.ts';
import { formatSyncToken, type StreamPositions } from '#streams/sync-token.ts';
import type { Streams } from '#streams/streams.ts';
import { answerJson, type Sections } from '#sync/present.ts';
import type { SyncParts, SyncRequest } from '#sync/sync-request.ts';
import { UserRooms, type UserRoomsAt } from '#sync/user-rooms.ts';

// A cache of what the stream tells; each stream has its own.
const userRoomsOf = new WeakMap<Streams, UserRooms>();

/** The answer's JSON text. Answers at once if there is something new, in an initial sync and with `fullState`. */
export async function answerSync(parts: SyncParts, request: SyncRequest): Promise<string> {
  const { streams, clock } = parts;
  const { userNid, userId, deviceNid, signal } = request;
  let { since } = request;
  const deadlineMs = clock.monotonicMs() + request.timeoutMs;
  for (;;) {
    const at = await roomsAtHorizon(parts, request);
    // In the same turn as the rooms, so that nothing lies between them.
    const { horizons } = streams;
    const listener: Listener = { userNid, userId, deviceNid, roomNids: at.joinedNids };
    const quiet = since !== undefined && !request.fullState && !hasNews(streams, listener, since);
    const sections = quiet ? undefined : await collectSections(parts, { ...request, since, horizons }, at);
    const remainingMs = deadlineMs - clock.monotonicMs();
    const isDue = since === undefined || request.fullState || remainingMs <= 0 || signal.aborted;
    if (sections !== undefined || isDue) return present(streams, horizons, sections);
    // Nothing of what has passed is for this user, so it need not be looked at again.
    since = await streams.waitFor({ ...listener, after: horizons, timeoutMs: remainingMs, signal });
  }
}

/** The user's rooms at exactly the stream's horizon as it is when this resolves. */
async function roomsAtHorizon({ streams, database }: SyncParts, request: SyncRequest): Promise<UserRoomsAt> {
  let userRooms = userRoomsOf.get(streams);
  if (userRooms === undefined) userRoomsOf.set(streams, (userRooms = new UserRooms(streams.events)));
  // Forgetting a room is no event, so that an initial sync asks.
  if (request.since === undefined) await userRooms.load(database, request.userNid);
  for (;;) {
    const at = userRooms.current(request.userNid, request.userId);
    if (at !== undefined) return at;
    await userRooms.load(database, request.userNid);
  }
}

function present(streams: Streams, horizons: StreamPositions, sections: Sections = {}): string {
  return answerJson(formatSyncToken({ epoch: streams.epoch, positions: horizons }), sections);
}
