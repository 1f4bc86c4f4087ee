/** Owns the endpoint by which clients search. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { answerSearch } from '#rooms/search/answer-search.ts';
import { roomEventsCriteria } from '#rooms/search/search-request.ts';

/** How long a search waits until what was sent before it is in the index. */
const INDEX_WAIT_MS = 2_000;

export const search = endpoint({
  operation: 'client.search',
  method: 'POST',
  path: '/_matrix/client/v3/search',
  aliases: ['/_matrix/client/r0/search'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Server Side Search',
  query: Type.Object({ next_batch: Type.Optional(Type.String()) }),
  body: Type.Object({ search_categories: Type.Object({ room_events: Type.Optional(roomEventsCriteria) }) }),
  handler: async (context: Context, { body, query, principal }) => {
    const criteria = body.search_categories.room_events;
    if (criteria === undefined) return { search_categories: {} };
    await context.searchIndexer.reach(context.streams.events.horizon, INDEX_WAIT_MS);
    const text = await answerSearch(context, principal, criteria, query.next_batch);
    return rawJson(`{"search_categories":{"room_events":${text}}}`);
  },
});
