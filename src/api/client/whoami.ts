/** Owns the endpoint that says whose an access token is. */
import { endpoint } from '#http/endpoint.ts';

export const getTokenOwner = endpoint({
  operation: 'client.getTokenOwner',
  method: 'GET',
  path: '/_matrix/client/v3/account/whoami',
  aliases: ['/_matrix/client/r0/account/whoami'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'default',
  spec: 'Client-Server API, Current account information',
  handler: (_context: unknown, { principal }) => ({
    user_id: principal.userId,
    device_id: principal.deviceId,
    is_guest: principal.isGuest,
  }),
});
