/** Owns the answer of the deprecated GET /events: what a sync tells, as one list of events. */
import { formatSyncToken, type StreamPositions } from '#streams/sync-token.ts';
import { findOwnMemberEvent } from '#sync/old-sync/own-member-events.ts';
import { askSync, eventsOf, type OldSyncRequest, type PlainEvent } from '#sync/old-sync/sync-answer.ts';
import type { SyncParts } from '#sync/sync-request.ts';

/** The most that a sync tells of one room. */
const TIMELINE_LIMIT = 100;

export type EventsRequest = Pick<OldSyncRequest, 'userId' | 'userNid' | 'deviceNid' | 'timeoutMs' | 'signal'> & {
  /** Undefined: from now on. */
  readonly from: StreamPositions | undefined;
};

/**
 * Waits until something is new. Of each room the newest hundred events are told; who was away for longer begins anew with
 * GET /initialSync. Specification: Client-Server API, `GET /events`.
 */
export async function answerEvents(
  parts: SyncParts,
  request: EventsRequest,
): Promise<{ readonly start: string; readonly end: string; readonly chunk: readonly PlainEvent[] }> {
  const { from, ...user } = request;
  const since = from ?? parts.streams.horizons;
  const asked = { ...user, since, timelineLimit: TIMELINE_LIMIT, includeLeave: true };
  const { next_batch: end, rooms = {}, presence, account_data: accountData } = await askSync(parts, asked);
  const chunk = [...(presence?.events ?? []), ...(accountData?.events ?? [])];
  for (const roomId of [...Object.keys(rooms.invite ?? {}), ...Object.keys(rooms.knock ?? {})]) {
    const own = await findOwnMemberEvent(parts, user, roomId);
    if (own !== undefined) chunk.push(own);
  }
  for (const [roomId, room] of Object.entries({ ...rooms.join, ...rooms.leave })) {
    const { timeline, ephemeral, account_data: ofRoom } = room;
    for (const section of [timeline, ephemeral, ofRoom]) chunk.push(...eventsOf(section, roomId));
  }
  return { start: formatSyncToken({ epoch: parts.streams.epoch, positions: since }), end, chunk };
}
