/** Owns the endpoints by which users are banned from a room and let in again. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { banUser, unbanUser } from '#rooms/change-membership.ts';

const body = Type.Object({ user_id: Type.String(), reason });

export const ban = endpoint({
  operation: 'client.ban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/ban',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/ban'],
  auth: 'user',
  rateLimit: 'send',
  spec: 'Client-Server API, Banning users in a room',
  body,
  handler: async (context: Context, { params, body: { user_id: targetId, reason: why }, principal }) => {
    await banUser(context, { roomId: params.roomId, sender: principal, targetId, reason: why });
    return {};
  },
});

export const unban = endpoint({
  operation: 'client.unban',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/unban',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/unban'],
  auth: 'user',
  rateLimit: 'send',
  spec: 'Client-Server API, Banning users in a room',
  body,
  handler: async (context: Context, { params, body: { user_id: targetId, reason: why }, principal }) => {
    await unbanUser(context, { roomId: params.roomId, sender: principal, targetId, reason: why });
    return {};
  },
});
