/** Owns the endpoints of presence. */
import { Type } from 'typebox';
import { requireOwn } from '#api/client/own-user.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { requirePresence } from '#sync/presence.ts';

const STATUS_LENGTH_MAX = 1_000;

export const setPresence = endpoint({
  operation: 'client.setPresence',
  method: 'PUT',
  path: '/_matrix/client/v3/presence/{userId}/status',
  aliases: ['/_matrix/client/r0/presence/{userId}/status'],
  auth: 'user',
  rateLimit: 'send',
  bodyRequired: true,
  body: Type.Object({
    presence: Type.Union([Type.Literal('online'), Type.Literal('unavailable'), Type.Literal('offline')]),
    status_msg: Type.Optional(Type.Union([Type.String({ maxLength: STATUS_LENGTH_MAX }), Type.Null()])),
  }),
  spec: 'Client-Server API, Presence',
  handler: async ({ config, presence }: Context, { params: { userId }, body, principal }) => {
    requireOwn(userId, principal);
    if (!config.presence.enabled) throw new MatrixError('M_FORBIDDEN', 'Presence is switched off on this server.');
    if (body.status_msg?.includes('\0') === true) {
      throw new MatrixError('M_INVALID_PARAM', 'A status message contains no NUL character.');
    }
    await presence.set(principal, body.presence, body.status_msg ?? undefined);
    return {};
  },
});

export const getPresence = endpoint({
  operation: 'client.getPresence',
  method: 'GET',
  path: '/_matrix/client/v3/presence/{userId}/status',
  aliases: ['/_matrix/client/r0/presence/{userId}/status'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Presence',
  handler: (context: Context, { params: { userId }, principal }) => requirePresence(context, principal, userId),
});
