/** Owns the endpoint by which other servers look for events next to a moment. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveEventByTime } from '#rooms/serve/serve-event-by-time.ts';

export const getEventByTimestamp = endpoint({
  operation: 'federation.getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/federation/v1/timestamp_to_event/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ ts: Type.Integer(), dir: Type.Union([Type.Literal('f'), Type.Literal('b')]) }),
  spec: 'Server-Server API, Retrieving events',
  handler: async (context: Context, { params: { roomId }, query: { ts, dir: direction }, principal }) => {
    const asked = { roomId, ts, direction };
    const { eventId, originServerTs } = await serveEventByTime(context, principal.origin, asked);
    return { event_id: eventId, origin_server_ts: originServerTs };
  },
});
