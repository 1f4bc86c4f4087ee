/** Owns the endpoint by which other servers learn what permits an event. */
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveAuthChain } from '#rooms/serve/serve-event.ts';

export const getEventAuth = endpoint({
  operation: 'federation.getEventAuth',
  method: 'GET',
  path: '/_matrix/federation/v1/event_auth/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Authorization of events',
  handler: async (context: Context, { params, principal }) =>
    rawJson(`{"auth_chain":[${(await serveAuthChain(context, principal.origin, params)).join(',')}]}`),
});
