/** Owns the endpoint by which clients page through a room's history. */
import { Type } from 'typebox';
import { readEventFilter } from '#api/client/event-filter-query.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { findMessages } from '#rooms/find-messages.ts';
import { renderEvent } from '#rooms/render-events.ts';
import { optionsOfPage } from '#rooms/render-page.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 1_000;

export const getRoomEvents = endpoint({
  operation: 'client.getRoomEvents',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/messages',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/messages'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  query: Type.Object({
    // The specification requires it, and clients leave it out all the same.
    dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    filter: Type.Optional(Type.String()),
  }),
  handler: async (context: Context, { params, query, principal }) => {
    const page = await findMessages(context, {
      user: principal,
      roomId: params.roomId,
      direction: query.dir ?? 'f',
      from: query.from,
      to: query.to,
      limit: Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
      filter: readEventFilter(query.filter),
    });
    const options = await optionsOfPage(context, principal, page.reader, page.chunk);
    const chunk = page.chunk.map((event) => renderEvent(event, options)).join(',');
    const state = page.state.map((event) => renderEvent(event, options)).join(',');
    const statePart = state === '' ? '' : `,"state":[${state}]`;
    const endPart = page.end === undefined ? '' : `,"end":${JSON.stringify(page.end)}`;
    return rawJson(`{"chunk":[${chunk}],"start":${JSON.stringify(page.start)}${endPart}${statePart}}`);
  },
});
