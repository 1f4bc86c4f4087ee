/** Owns the endpoint by which clients say that their user types. */
import { Type } from 'typebox';
import { requireOwn } from '#api/client/own-user.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { setTyping as setTypingIn } from '#rooms/set-typing.ts';

export const setTyping = endpoint({
  operation: 'client.setTyping',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/typing/{userId}'],
  auth: 'user',
  rateLimit: 'send',
  bodyRequired: true,
  body: Type.Object({ typing: Type.Boolean(), timeout: Type.Optional(Type.Integer({ minimum: 0 })) }),
  spec: 'Client-Server API, Typing Notifications',
  handler: async (context: Context, { params: { roomId, userId }, body, principal }) => {
    requireOwn(userId, principal);
    await setTypingIn(context, principal, roomId, { isTyping: body.typing, timeoutMs: body.timeout });
    context.presence.acted(principal);
    return {};
  },
});
