/** Owns the endpoint by which other servers read one level of a space. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveHierarchy } from '#rooms/serve/serve-hierarchy.ts';

export const getSpaceHierarchy = endpoint({
  operation: 'federation.getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/federation/v1/hierarchy/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
  spec: 'Server-Server API, Spaces',
  handler: async (context: Context, { params: { roomId }, query, principal }) => {
    const asked = { roomId, suggestedOnly: query.suggested_only ?? false };
    return rawJson(await serveHierarchy(context, principal.origin, asked));
  },
});
