/** Owns the endpoints by which people log in. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { deviceIdSchema, displayNameSchema } from '#users/device-schemas.ts';
import { requirePasswordLogin, type LoginAccount, type PasswordLoginParts } from '#users/log-in.ts';
import { requireTokenLogin, type LoginTokenParts } from '#users/login-tokens.ts';
import { createSession, refreshSession, type SessionParts } from '#users/sessions.ts';
import { findNamedUser, namedUserProperties, type NamedUser } from '#users/user-identifier.ts';

/** What a login needs. */
export type LoginContext = PasswordLoginParts &
  LoginTokenParts &
  SessionParts & { readonly config: { readonly publicUrl: string | undefined } };

export const getLoginFlows = endpoint({
  operation: 'client.getLoginFlows',
  method: 'GET',
  path: '/_matrix/client/v3/login',
  aliases: ['/_matrix/client/r0/login'],
  auth: 'none',
  rateLimit: 'default',
  spec: 'Client-Server API, Login',
  handler: () => ({ flows: [{ type: 'm.login.password' }, { type: 'm.login.token', get_login_token: true }] }),
});

type Credentials = NamedUser & { readonly type: string; readonly password?: string; readonly token?: string };

/** The account that the credentials let in; the key that one of the flows needs may be missing. */
async function requireLogin(context: LoginContext, credentials: Credentials): Promise<LoginAccount> {
  const { type, password, token } = credentials;
  if (type === 'm.login.token') {
    if (token === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "token".');
    return requireTokenLogin(context, token);
  }
  if (type !== 'm.login.password') {
    throw new MatrixError('M_UNKNOWN', 'This type of login is not among the flows.', { status: 400 });
  }
  const user = findNamedUser(credentials);
  if (user === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the key "identifier.user".');
  if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "password".');
  return requirePasswordLogin(context, { user, password });
}

export const login = endpoint({
  operation: 'client.login',
  method: 'POST',
  path: '/_matrix/client/v3/login',
  aliases: ['/_matrix/client/r0/login'],
  auth: 'none',
  rateLimit: 'login',
  body: Type.Object({
    type: Type.String(),
    ...namedUserProperties,
    password: Type.Optional(Type.String()),
    token: Type.Optional(Type.String()),
    device_id: Type.Optional(deviceIdSchema),
    initial_device_display_name: Type.Optional(displayNameSchema),
    refresh_token: Type.Optional(Type.Boolean()),
  }),
  spec: 'Client-Server API, Login',
  handler: async (context: LoginContext, { body }) => {
    const { userId, userNid } = await requireLogin(context, body);
    const session = await createSession(context, {
      userNid,
      deviceId: body.device_id,
      displayName: body.initial_device_display_name,
      isRefreshable: body.refresh_token,
    });
    const { publicUrl } = context.config;
    return {
      user_id: userId,
      ...session,
      ...(publicUrl === undefined ? {} : { well_known: { 'm.homeserver': { base_url: publicUrl } } }),
    };
  },
});

export const refresh = endpoint({
  operation: 'client.refresh',
  method: 'POST',
  path: '/_matrix/client/v3/refresh',
  aliases: ['/_matrix/client/v1/refresh'],
  auth: 'none',
  rateLimit: 'default',
  body: Type.Object({ refresh_token: Type.String() }),
  spec: 'Client-Server API, Refreshing access tokens',
  handler: (context: SessionParts, { body }) => refreshSession(context, body.refresh_token),
});
