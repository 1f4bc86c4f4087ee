/** Owns the endpoints by which other servers read the history of rooms that they are in. */
import { Type } from 'typebox';
import { transactionHead } from '#api/federation/transaction-head.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveBackfill, serveMissingEvents } from '#rooms/serve/serve-history.ts';

/** Specification: `get_missing_events`, the default of `limit`. */
const MISSING_DEFAULT = 10;

export const backfillRoom = endpoint({
  operation: 'federation.backfillRoom',
  method: 'GET',
  path: '/_matrix/federation/v1/backfill/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ v: Type.Array(Type.String()), limit: Type.Integer({ minimum: 0 }) }),
  spec: 'Server-Server API, Backfilling and retrieving missing events',
  handler: async (context: Context, { params: { roomId }, query: { v: from, limit }, principal }) => {
    const texts = await serveBackfill(context, principal.origin, { roomId, from, limit });
    return rawJson(`${transactionHead(context)},"pdus":[${texts.join(',')}]}`);
  },
});

export const getMissingPreviousEvents = endpoint({
  operation: 'federation.getMissingPreviousEvents',
  method: 'POST',
  path: '/_matrix/federation/v1/get_missing_events/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  body: Type.Object({
    earliest_events: Type.Array(Type.String()),
    latest_events: Type.Array(Type.String()),
    limit: Type.Optional(Type.Integer({ minimum: 0 })),
    min_depth: Type.Optional(Type.Integer()),
  }),
  spec: 'Server-Server API, Backfilling and retrieving missing events',
  handler: async (context: Context, { params: { roomId }, body, principal }) => {
    const texts = await serveMissingEvents(context, principal.origin, {
      roomId,
      earliest: body.earliest_events,
      latest: body.latest_events,
      limit: body.limit ?? MISSING_DEFAULT,
      depthMin: body.min_depth ?? 0,
    });
    return rawJson(`{"events":[${texts.join(',')}]}`);
  },
});
