/** Owns the endpoints by which clients ask what relates to an event. */
import { Type, type Static } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson, type Answer } from '#http/answer.ts';
import { endpoint, type Principal } from '#http/endpoint.ts';
import { findRelatedEvents, RECURSION_DEPTH } from '#rooms/relations/find-related-events.ts';
import { renderPage } from '#rooms/render-page.ts';

const LIMIT_DEFAULT = 50;
const LIMIT_MAX = 500;

const query = Type.Object({
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  limit: Type.Optional(Type.Integer({ minimum: 1 })),
  dir: Type.Optional(Type.Union([Type.Literal('b'), Type.Literal('f')])),
  recurse: Type.Optional(Type.Boolean()),
});

type Params = {
  readonly roomId: string;
  readonly eventId: string;
  readonly relType?: string;
  readonly eventType?: string;
};

async function answerRelations(
  context: Context,
  { params, query: asked, principal }: { params: Params; query: Static<typeof query>; principal: Principal },
): Promise<Answer> {
  const page = await findRelatedEvents(context, {
    user: principal,
    roomId: params.roomId,
    parentId: params.eventId,
    relType: params.relType,
    eventType: params.eventType,
    direction: asked.dir ?? 'b',
    from: asked.from,
    to: asked.to,
    limit: Math.min(asked.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
    recurse: asked.recurse ?? false,
  });
  const chunk = await renderPage(context, principal, page.reader, page.chunk);
  const next = page.nextBatch === undefined ? '' : `,"next_batch":${JSON.stringify(page.nextBatch)}`;
  const previous = page.prevBatch === undefined ? '' : `,"prev_batch":${JSON.stringify(page.prevBatch)}`;
  const depth = asked.recurse === undefined ? '' : `,"recursion_depth":${asked.recurse ? RECURSION_DEPTH : 1}`;
  return rawJson(`{"chunk":[${chunk.join(',')}]${next}${previous}${depth}}`);
}

const row = {
  method: 'GET',
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Relationships API',
  query,
} as const;

export const getRelatingEvents = endpoint({
  ...row,
  operation: 'client.getRelatingEvents',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}',
  aliases: ['/_matrix/client/unstable/rooms/{roomId}/relations/{eventId}'],
  handler: (context: Context, request) => answerRelations(context, request),
});

export const getRelatingEventsWithRelType = endpoint({
  ...row,
  operation: 'client.getRelatingEventsWithRelType',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}',
  aliases: ['/_matrix/client/unstable/rooms/{roomId}/relations/{eventId}/{relType}'],
  handler: (context: Context, request) => answerRelations(context, request),
});

export const getRelatingEventsWithRelTypeAndEventType = endpoint({
  ...row,
  operation: 'client.getRelatingEventsWithRelTypeAndEventType',
  path: '/_matrix/client/v1/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}',
  aliases: ['/_matrix/client/unstable/rooms/{roomId}/relations/{eventId}/{relType}/{eventType}'],
  handler: (context: Context, request) => answerRelations(context, request),
});
