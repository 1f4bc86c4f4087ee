/** Owns the endpoint by which clients jump to a date. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { requireEventByTime } from '#rooms/find-event-by-time.ts';

export const getEventByTimestamp = endpoint({
  operation: 'client.getEventByTimestamp',
  method: 'GET',
  path: '/_matrix/client/v1/rooms/{roomId}/timestamp_to_event',
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Getting events for a room',
  query: Type.Object({ ts: Type.Integer(), dir: Type.Union([Type.Literal('f'), Type.Literal('b')]) }),
  handler: async (context: Context, { params: { roomId }, query, principal }) => {
    const request = { user: principal, roomId, ts: query.ts, direction: query.dir };
    const { eventId, originServerTs } = await requireEventByTime(context, request);
    return { event_id: eventId, origin_server_ts: originServerTs };
  },
});
