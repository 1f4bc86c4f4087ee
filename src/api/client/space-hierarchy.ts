/** Owns the endpoint that walks a space. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { findHierarchy, HIERARCHY_DEPTH_MAX } from '#rooms/spaces/find-hierarchy.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 200;

export const getSpaceHierarchy = endpoint({
  operation: 'client.getSpaceHierarchy',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/hierarchy',
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Spaces',
  query: Type.Object({
    suggested_only: Type.Optional(Type.Boolean()),
    limit: Type.Optional(Type.Integer({ minimum: 1 })),
    max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
    from: Type.Optional(Type.String()),
  }),
  handler: async (context: Context, { params: { roomId }, query, principal }) =>
    rawJson(
      await findHierarchy(context, {
        user: principal,
        roomId,
        suggestedOnly: query.suggested_only ?? false,
        maxDepth: query.max_depth ?? HIERARCHY_DEPTH_MAX,
        limit: Math.min(query.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
        from: query.from,
      }),
    ),
});
