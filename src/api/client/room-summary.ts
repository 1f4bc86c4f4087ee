/** Owns the endpoint that shows a room to those who may know of it. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { requireRoomSummary } from '#rooms/directory/find-room-summary.ts';

export const getRoomSummary = endpoint({
  operation: 'client.getRoomSummary',
  method: 'GET',
  path: '/_matrix/client/v1/room_summary/{roomIdOrAlias}',
  aliases: [
    '/_matrix/client/unstable/im.nheko.summary/summary/{roomIdOrAlias}',
    '/_matrix/client/unstable/im.nheko.summary/rooms/{roomIdOrAlias}/summary',
  ],
  auth: 'optionalUser',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Room summaries',
  query: Type.Object({ via: Type.Optional(Type.Array(Type.String())) }),
  handler: (context: Context, { params: { roomIdOrAlias }, query: { via = [] }, principal }) =>
    requireRoomSummary(context, principal?.userNid, { roomIdOrAlias, via }),
});
