/** Owns the endpoints by which people log in. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { deviceIdSchema, displayNameSchema } from '#users/device-schemas.ts';
import { requirePasswordLogin, type PasswordLoginParts } from '#users/log-in.ts';
import { createSession, type SessionParts } from '#users/sessions.ts';
import { findNamedUser, namedUserProperties } from '#users/user-identifier.ts';

/** What a login needs. */
export type LoginContext = PasswordLoginParts &
  SessionParts & { readonly config: { readonly publicUrl: string | undefined } };

export const getLoginFlows = endpoint({
  operation: 'client.getLoginFlows',
  method: 'GET',
  path: '/_matrix/client/v3/login',
  aliases: ['/_matrix/client/r0/login'],
  auth: 'none',
  rateLimit: 'default',
  spec: 'Client-Server API, Login',
  handler: () => ({ flows: [{ type: 'm.login.password' }] }),
});

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
    device_id: Type.Optional(deviceIdSchema),
    initial_device_display_name: Type.Optional(displayNameSchema),
    refresh_token: Type.Optional(Type.Boolean()),
  }),
  spec: 'Client-Server API, Login',
  handler: async (context: LoginContext, { body }) => {
    if (body.type !== 'm.login.password') {
      throw new MatrixError('M_UNKNOWN', 'This type of login is not among the flows.', { status: 400 });
    }
    const user = findNamedUser(body);
    const { password } = body;
    if (user === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the key "identifier.user".');
    if (password === undefined) throw new MatrixError('M_MISSING_PARAM', 'The body lacks the required key "password".');
    const { userId, userNid } = await requirePasswordLogin(context, { user, password });
    const { accessToken, deviceId } = await createSession(context, {
      userNid,
      deviceId: body.device_id,
      displayName: body.initial_device_display_name,
    });
    const { publicUrl } = context.config;
    return {
      user_id: userId,
      access_token: accessToken,
      device_id: deviceId,
      ...(publicUrl === undefined ? {} : { well_known: { 'm.homeserver': { base_url: publicUrl } } }),
    };
  },
});
