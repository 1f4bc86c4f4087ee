/** Owns the endpoint by which users find one another. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { searchDirectory, type DirectoryParts } from '#users/search-directory.ts';

const RESULTS_DEFAULT = 10;

export const searchUserDirectory = endpoint({
  operation: 'client.searchUserDirectory',
  method: 'POST',
  path: '/_matrix/client/v3/user_directory/search',
  aliases: ['/_matrix/client/r0/user_directory/search'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  body: Type.Object({
    search_term: Type.String({ maxLength: 1_000 }),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
  }),
  spec: 'Client-Server API, User Directory',
  handler: (context: DirectoryParts, { body, principal }) =>
    searchDirectory(context, principal.userNid, {
      searchTerm: body.search_term,
      limit: body.limit ?? RESULTS_DEFAULT,
    }),
});
