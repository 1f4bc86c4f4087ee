/** Owns the endpoints by which users leave rooms and forget them. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { forgetRoom as forget } from '#rooms/forget-room.ts';
import { requireLeavable } from '#rooms/notices/require-leavable.ts';
import { leaveRoom as leave } from '#rooms/residents/leave-room.ts';

export const leaveRoom = endpoint({
  operation: 'client.leaveRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/leave',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/leave'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'default',
  spec: 'Client-Server API, Leaving rooms',
  body: Type.Object({ reason }),
  handler: async (context: Context, { params, body, principal }) => {
    await requireLeavable(context, principal, params.roomId);
    await leave(context, { roomId: params.roomId, sender: principal, reason: body.reason });
    return {};
  },
});

export const forgetRoom = endpoint({
  operation: 'client.forgetRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/forget',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/forget'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec: 'Client-Server API, Leaving rooms',
  handler: async (context: Context, { params, principal }) => {
    await forget(context, principal, params.roomId);
    return {};
  },
});
