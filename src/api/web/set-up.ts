/** Owns the endpoints of the set-up page: what this server is, making its first administrator, inviting a second person. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { createInvitation } from '#users/invitations.ts';
import { createSession } from '#users/sessions.ts';
import { setUp } from '#users/set-up.ts';

export const getAbout = endpoint({
  operation: 'own.getAbout',
  method: 'GET',
  path: '/_causeway/about',
  auth: 'none',
  rateLimit: 'none',
  spec: 'own: set-up page and chat',
  handler: ({ config, addresses }: Context) => ({
    server_name: config.serverName,
    trial: config.trial,
    registration: config.registration.mode,
    urls: addresses(),
  }),
});

export const setUpServer = endpoint({
  operation: 'own.setUpServer',
  method: 'POST',
  path: '/_causeway/set-up',
  auth: 'none',
  rateLimit: 'register',
  body: Type.Object({ token: Type.String({ maxLength: 64 }), username: Type.String(), password: Type.String() }),
  spec: 'own: set-up page and chat',
  handler: async (context: Context, { body, host, origin }) => {
    requireOwnAddress(context.addresses(), host, origin);
    const { userId, userNid } = await setUp(context, {
      token: body.token,
      localpart: body.username,
      password: body.password,
    });
    const session = await createSession(context, { userNid, displayName: 'Set-up page' });
    return { user_id: userId, ...session };
  },
});

export const createServerInvitation = endpoint({
  operation: 'own.createServerInvitation',
  method: 'POST',
  path: '/_causeway/invitations',
  auth: 'user',
  rateLimit: 'register',
  spec: 'own: set-up page and chat',
  handler: async (context: Context, { principal }) => {
    const { token, expiresAt } = await createInvitation(context, principal.userNid);
    return { token, expires_at: expiresAt };
  },
});

/**
 * A page of another site could be made to know the token, and a name of its owner's be pointed at this address: only a
 * request to one of our own addresses, from a page of it or from no page, sets a server up.
 */
function requireOwnAddress(addresses: readonly string[], host: string | undefined, origin: string | undefined): void {
  const hosts = addresses.map((address) => new URL(address).host);
  const isOurs = host !== undefined && hosts.includes(host.toLowerCase());
  const isFromUs = origin === undefined || hosts.includes(URL.parse(origin)?.host ?? '');
  if (!isOurs || !isFromUs) {
    throw new MatrixError('M_FORBIDDEN', `The server is set up at its own address: ${addresses.join(' or ')}`);
  }
}
