/** Owns the endpoint by which users invite others. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { inviteUser as invite } from '#rooms/change-membership.ts';

export const inviteUser = endpoint({
  operation: 'client.inviteUser',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/invite',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/invite'],
  auth: 'user',
  rateLimit: 'default',
  spec: 'Client-Server API, Joining rooms',
  body: Type.Object({ user_id: Type.String(), reason }),
  handler: async (context: Context, { params, body, principal }) => {
    await invite(context, {
      roomId: params.roomId,
      sender: principal,
      targetId: body.user_id,
      reason: body.reason,
    });
    return {};
  },
});
