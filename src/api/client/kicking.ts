/** Owns the endpoint by which users remove others from a room. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { kickUser } from '#rooms/change-membership.ts';

export const kick = endpoint({
  operation: 'client.kick',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/kick',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/kick'],
  auth: 'user',
  rateLimit: 'send',
  spec: 'Client-Server API, Leaving rooms',
  body: Type.Object({ user_id: Type.String(), reason }),
  handler: async (context: Context, { params, body, principal }) => {
    await kickUser(context, {
      roomId: params.roomId,
      sender: principal,
      targetId: body.user_id,
      reason: body.reason,
    });
    return {};
  },
});
