/** Owns the endpoints by which users join rooms. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { requireRoomId } from '#rooms/aliases/find-alias.ts';
import { joinRoom as join } from '#rooms/join-room.ts';

const body = Type.Object({ reason });

export const joinRoomById = endpoint({
  operation: 'client.joinRoomById',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/join',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/join'],
  auth: 'user',
  rateLimit: 'join',
  spec: 'Client-Server API, Joining rooms',
  body,
  handler: async (context: Context, { params, body: { reason: why }, principal }) => {
    await join(context, { user: principal, roomId: params.roomId, reason: why });
    return { room_id: params.roomId };
  },
});

export const joinRoom = endpoint({
  operation: 'client.joinRoom',
  method: 'POST',
  path: '/_matrix/client/v3/join/{roomIdOrAlias}',
  aliases: ['/_matrix/client/r0/join/{roomIdOrAlias}'],
  auth: 'user',
  rateLimit: 'join',
  spec: 'Client-Server API, Joining rooms',
  body,
  handler: async (context: Context, { params, body: { reason: why }, principal }) => {
    const roomId = await requireRoomId(context, params.roomIdOrAlias);
    await join(context, { user: principal, roomId, reason: why });
    return { room_id: roomId };
  },
});
