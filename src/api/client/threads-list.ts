/** Owns the endpoint that lists a room's threads. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { findRoomThreads } from '#rooms/relations/find-room-threads.ts';
import { renderPage } from '#rooms/render-page.ts';

const LIMIT_DEFAULT = 20;
const LIMIT_MAX = 100;

export const getThreadRoots = endpoint({
  operation: 'client.getThreadRoots',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/threads',
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Querying threads in a room',
  query: Type.Object({
    include: Type.Optional(Type.Union([Type.Literal('all'), Type.Literal('participated')])),
    from: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
  handler: async (context: Context, { params, query, principal }) => {
    const page = await findRoomThreads(context, {
      user: principal,
      roomId: params.roomId,
      include: query.include ?? 'all',
      from: query.from,
      limit: Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
    });
    const chunk = await renderPage(context, principal, page.reader, page.chunk);
    const next = page.nextBatch === undefined ? '' : `,"next_batch":${JSON.stringify(page.nextBatch)}`;
    return rawJson(`{"chunk":[${chunk.join(',')}]${next}}`);
  },
});
