/** Owns the endpoint by which clients follow one room. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
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
