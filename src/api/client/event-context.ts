/** Owns the endpoint that shows an event among its neighbours. */
import { Type } from 'typebox';
import { readEventFilter } from '#api/client/event-filter-query.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { findContext } from '#rooms/find-context.ts';
import { renderEvent } from '#rooms/render-events.ts';
import { optionsOfPage } from '#rooms/render-page.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 200;

export const getEventContext = endpoint({
  operation: 'client.getEventContext',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/context/{eventId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/context/{eventId}'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Event context',
  query: Type.Object({
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    filter: Type.Optional(Type.String()),
  }),
  handler: async (context: Context, { params: { roomId, eventId }, query, principal, signal }) => {
    const found = await findContext(context, {
      user: principal,
      roomId,
      eventId,
      limit: Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
      filter: readEventFilter(query.filter),
      signal,
    });
    const told = [...found.before, found.event, ...found.after];
    const options = await optionsOfPage(context, principal, found.reader, told);
    const list = (events: typeof found.state): string =>
      `[${events.map((event) => renderEvent(event, options)).join(',')}]`;
    return rawJson(
      `{"event":${renderEvent(found.event, options)},"events_before":${list(found.before)},` +
        `"events_after":${list(found.after)},"state":${list(found.state)},` +
        `"start":${JSON.stringify(found.start)},"end":${JSON.stringify(found.end)}}`,
    );
  },
});
