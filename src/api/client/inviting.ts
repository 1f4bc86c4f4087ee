/** Owns the endpoint by which users invite others: by user id, as nobody has an e-mail address here. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { inviteUser as invite } from '#rooms/change-membership.ts';

export const inviteUser = endpoint({
  operation: 'client.inviteUser',
  alsoServes: ['client.inviteBy3PID'],
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/invite',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/invite'],
  auth: 'user',
  rateLimit: 'default',
  spec: 'Client-Server API, Joining rooms',
  body: Type.Object({
    user_id: Type.Optional(Type.String()),
    medium: Type.Optional(Type.String()),
    address: Type.Optional(Type.String()),
    reason,
  }),
  handler: async (context: Context, { params, body, principal }) => {
    const { user_id: targetId } = body;
    if (targetId === undefined && body.medium !== undefined && body.address !== undefined) {
      throw new MatrixError('M_THREEPID_DENIED', 'This server invites by user id only: it asks no identity server.');
    }
    if (targetId === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "user_id".');
    await invite(context, {
      roomId: params.roomId,
      sender: principal,
      targetId,
      reason: body.reason,
    });
    return {};
  },
});
