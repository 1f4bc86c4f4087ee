/** Owns the endpoints that are older than /sync: the whole view, waiting for events, and an event by its id alone. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson, type HttpAnswer } from '#http/answer.ts';
import { endpoint, type Principal } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { requireVisibleEventAnywhere } from '#rooms/find-visible-event.ts';
import { renderPage } from '#rooms/render-page.ts';
import { waitForEvents, type FollowRequest } from '#rooms/wait-for-events.ts';
import { answerEvents } from '#sync/old-sync/answer-events.ts';
import { answerInitialSync } from '#sync/old-sync/answer-initial-sync.ts';
import { requireSince } from '#sync/read-request.ts';

const MESSAGES_DEFAULT = 10;
const MESSAGES_MAX = 100;

export const initialSync = endpoint({
  operation: 'client.initialSync',
  method: 'GET',
  path: '/_matrix/client/v3/initialSync',
  aliases: ['/_matrix/client/r0/initialSync'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'sync',
  spec: 'Client-Server API, Syncing',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    archived: Type.Optional(Type.Boolean()),
  }),
  handler: (context: Context, { principal, query, signal }) =>
    answerInitialSync(context, {
      ...principal,
      limit: Math.min(query.limit ?? MESSAGES_DEFAULT, MESSAGES_MAX),
      archived: query.archived ?? false,
      signal,
    }),
});

export const getEvents = endpoint({
  operation: 'client.getEvents',
  alsoServes: ['client.peekEvents'],
  method: 'GET',
  path: '/_matrix/client/v3/events',
  aliases: ['/_matrix/client/r0/events'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'sync',
  spec: 'Client-Server API, Room previews',
  query: Type.Object({
    from: Type.Optional(Type.String()),
    timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    room_id: Type.Optional(Type.String()),
  }),
  handler: async (context: Context, { principal, query: { from, timeout, room_id: roomId }, signal }) => {
    const timeoutMs = Math.min(timeout ?? 0, context.config.limits.syncTimeoutMsMax);
    if (roomId !== undefined) return followRoom(context, principal, { roomId, from, timeoutMs, signal });
    if (principal.isGuest) {
      throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests can follow one room: give it as "room_id".');
    }
    const since = from === undefined ? undefined : await requireSince(context.streams, from);
    await context.presence.syncing(principal, 'online', timeoutMs);
    return answerEvents(context, { ...principal, from: since, timeoutMs, signal });
  },
});

/** What happens in one room, also for those who only look into it. */
async function followRoom(
  context: Context,
  principal: Principal,
  followed: Omit<FollowRequest, 'user'>,
): Promise<HttpAnswer> {
  const { reader, chunk, start, end } = await waitForEvents(context, { user: principal, ...followed });
  const events = await renderPage(context, principal, reader, chunk);
  return rawJson(`{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[${events.join(',')}]}`);
}

export const getOneEvent = endpoint({
  operation: 'client.getOneEvent',
  method: 'GET',
  path: '/_matrix/client/v3/events/{eventId}',
  aliases: ['/_matrix/client/r0/events/{eventId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  handler: async (context: Context, { params: { eventId }, principal }) => {
    const { reader, event } = await requireVisibleEventAnywhere(context, principal, eventId);
    return rawJson((await renderPage(context, principal, reader, [event])).join(''));
  },
});
