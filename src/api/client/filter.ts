/** Owns the endpoints by which clients store filters and read them. */
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import type { Database } from '#storage/database.ts';
import { createFilter, findFilter } from '#users/filters.ts';
import { syncFilterSchema } from '#users/sync-filter.ts';

/** What filters need. */
export type FilterContext = { readonly database: Database };

function requireOwnFilters(userId: string, caller: string): void {
  if (userId !== caller) throw new MatrixError('M_FORBIDDEN', 'These are the filters of another user.');
}

export const defineFilter = endpoint({
  operation: 'client.defineFilter',
  method: 'POST',
  path: '/_matrix/client/v3/user/{userId}/filter',
  aliases: ['/_matrix/client/r0/user/{userId}/filter'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  bodyRequired: true,
  body: syncFilterSchema,
  spec: 'Client-Server API, Filtering',
  handler: async ({ database }: FilterContext, { params, body, principal }) => {
    requireOwnFilters(params.userId, principal.userId);
    return { filter_id: await createFilter(database, principal.userNid, body) };
  },
});

export const getFilter = endpoint({
  operation: 'client.getFilter',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/filter/{filterId}',
  aliases: ['/_matrix/client/r0/user/{userId}/filter/{filterId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Filtering',
  handler: async ({ database }: FilterContext, { params, principal }) => {
    requireOwnFilters(params.userId, principal.userId);
    const filter = await findFilter(database, principal.userNid, params.filterId);
    if (filter === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no filter with this ID.');
    return filter;
  },
});
