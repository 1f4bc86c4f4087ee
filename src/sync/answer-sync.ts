/** Owns answering GET /sync: what is new for one user since a token, waiting for it if need be. */
import { collectSections } from '#sync/collect-sections.ts';
import { hasNews, type Listener } from '#streams/has-news.ts';
import { formatSyncToken, type StreamPositions } from '#streams/sync-token.ts';
import { keyCountsJson } from '#sync/key-counts.ts';
import { answerJson, type Sections } from '#sync/present.ts';
import type { SyncParts, SyncRequest } from '#sync/sync-request.ts';
import { findUserRoomsAt } from '#sync/user-rooms.ts';

/** The answer's JSON text. Answers at once if there is something new, in an initial sync and with `fullState`. */
export async function answerSync(parts: SyncParts, request: SyncRequest): Promise<string> {
  const { streams, clock } = parts;
  const { userNid, userId, deviceNid, signal } = request;
  let { since } = request;
  const deadlineMs = clock.monotonicMs() + request.timeoutMs;
  await readAcknowledged(streams, request);
  for (;;) {
    // Forgetting a room is no event, so that an initial sync asks.
    const at = await findUserRoomsAt(parts, request, { fresh: request.since === undefined });
    // In the same turn as the rooms, so that nothing lies between them.
    const { horizons } = streams;
    const listener: Listener = { userNid, userId, deviceNid, roomNids: at.joinedNids };
    const quiet = since !== undefined && !request.fullState && !hasNews(streams, listener, since);
    const sections = quiet ? undefined : await collectSections(parts, { ...request, since, horizons }, at);
    const remainingMs = deadlineMs - clock.monotonicMs();
    const isDue = since === undefined || request.fullState || remainingMs <= 0 || signal.aborted;
    if (sections !== undefined || isDue) return present(parts, request, horizons, sections);
    // Nothing of what has passed is for this user, so it need not be looked at again.
    since = await streams.waitFor({ ...listener, after: horizons, timeoutMs: remainingMs, signal });
  }
}

/**
 * What was acknowledged before the request, by whatever process, is in the answer. Who waits hears of it as soon as this
 * process does, and costs no query; what this process wrote itself waits for no wake-up.
 */
async function readAcknowledged(streams: SyncParts['streams'], { since, fullState, timeoutMs }: SyncRequest) {
  const isWhole = since === undefined || fullState;
  if (isWhole || (timeoutMs <= 0 && streams.isShared)) await streams.catchUp();
  else await streams.events.readingOwn;
}

/** Messages to the device may go on beyond what the answer tells. */
async function present(
  { streams, database }: SyncParts,
  { deviceNid }: SyncRequest,
  horizons: StreamPositions,
  sections: Sections = {},
): Promise<string> {
  const [events, userData, toDevice, deviceLists, ephemeral] = horizons;
  const positions = [events, userData, sections.toDevice?.upTo ?? toDevice, deviceLists, ephemeral] as const;
  const keyCounts = await keyCountsJson(database, streams.deviceLists, deviceNid);
  return answerJson(formatSyncToken({ epoch: streams.epoch, positions }), keyCounts, sections);
}
