/** Owns the endpoints by which clients follow one room, and get an event of which they know the id alone. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { requireVisibleEventAnywhere } from '#rooms/find-visible-event.ts';
import { renderPage } from '#rooms/render-page.ts';
import { waitForEvents } from '#rooms/wait-for-events.ts';

export const peekEvents = endpoint({
  operation: 'client.peekEvents',
  method: 'GET',
  path: '/_matrix/client/v3/events',
  aliases: ['/_matrix/client/r0/events'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'sync',
  spec: 'Client-Server API, Room previews',
  query: Type.Object({
    from: Type.Optional(Type.String()),
    timeout: Type.Optional(Type.Integer({ minimum: 0 })),
    room_id: Type.String(),
  }),
  handler: async (context: Context, request) => {
    const { principal, query, signal } = request;
    const timeoutMs = Math.min(query.timeout ?? 0, context.config.limits.syncTimeoutMsMax);
    const followed = { user: principal, roomId: query.room_id, from: query.from, timeoutMs, signal };
    const { reader, chunk, start, end } = await waitForEvents(context, followed);
    const events = await renderPage(context, principal, reader, chunk);
    return rawJson(`{"start":${JSON.stringify(start)},"end":${JSON.stringify(end)},"chunk":[${events.join(',')}]}`);
  },
});

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
