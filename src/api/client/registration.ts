/** Owns the endpoints by which people make accounts. */
import { Type } from 'typebox';
import { answer } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { requireAvailableUserId } from '#users/create-account.ts';
import { registerGuest, type GuestParts } from '#users/guests.ts';
import { register as registerUser, requireOpenRegistration, type RegisterParts } from '#users/register.ts';
import { checkRegistrationToken } from '#users/registration-tokens.ts';
import { createSession, type SessionParts } from '#users/sessions.ts';
import { deviceIdSchema, displayNameSchema } from '#users/device-schemas.ts';

/** What registration needs. */
export type RegistrationContext = RegisterParts & SessionParts & GuestParts;

export const register = endpoint({
  operation: 'client.register',
  method: 'POST',
  path: '/_matrix/client/v3/register',
  aliases: ['/_matrix/client/r0/register'],
  auth: 'none',
  rateLimit: 'register',
  query: Type.Object({ kind: Type.Optional(Type.Union([Type.Literal('user'), Type.Literal('guest')])) }),
  body: Type.Object({
    auth: Type.Optional(
      Type.Object({
        type: Type.Optional(Type.String()),
        session: Type.Optional(Type.String()),
        token: Type.Optional(Type.String()),
      }),
    ),
    guest_access_token: Type.Optional(Type.String()),
    username: Type.Optional(Type.String()),
    password: Type.Optional(Type.String()),
    device_id: Type.Optional(deviceIdSchema),
    initial_device_display_name: Type.Optional(displayNameSchema),
    inhibit_login: Type.Optional(Type.Boolean()),
    refresh_token: Type.Optional(Type.Boolean()),
  }),
  spec: 'Client-Server API, Account registration',
  handler: async (context: RegistrationContext, { query, body }) => {
    const { auth, username, password, device_id, initial_device_display_name, inhibit_login, refresh_token } = body;
    if (query.kind === 'guest') {
      const { userId, userNid } = await registerGuest(context);
      // Of a guest's request nothing else counts.
      const session = await createSession(context, { userNid, displayName: initial_device_display_name });
      return { user_id: userId, ...session };
    }
    // Clients write the same request with its keys in any order.
    const request = JSON.stringify([
      username,
      password,
      device_id,
      initial_device_display_name,
      inhibit_login,
      refresh_token,
      body.guest_access_token,
    ]);
    const guestAccessToken = body.guest_access_token;
    const result = await registerUser(context, { username, password, guestAccessToken, auth, request });
    if ('challenge' in result) return answer({ status: 401, body: result.challenge });

    const { userId, userNid } = result.account;
    if (inhibit_login === true) return { user_id: userId };
    const session = await createSession(context, {
      userNid,
      deviceId: device_id,
      displayName: initial_device_display_name,
      isRefreshable: refresh_token,
    });
    return { user_id: userId, ...session };
  },
});

export const checkUsernameAvailability = endpoint({
  operation: 'client.checkUsernameAvailability',
  method: 'GET',
  path: '/_matrix/client/v3/register/available',
  aliases: ['/_matrix/client/r0/register/available'],
  auth: 'none',
  // Asked while somebody types, so it must not use up what the registration itself needs.
  rateLimit: 'login',
  query: Type.Object({ username: Type.String() }),
  spec: 'Client-Server API, Account registration',
  handler: async (context: RegistrationContext, { query }) => {
    requireOpenRegistration(context);
    await requireAvailableUserId(context, query.username);
    return { available: true };
  },
});

export const registrationTokenValidity = endpoint({
  operation: 'client.registrationTokenValidity',
  method: 'GET',
  path: '/_matrix/client/v1/register/m.login.registration_token/validity',
  auth: 'none',
  rateLimit: 'register',
  query: Type.Object({ token: Type.String() }),
  spec: 'Client-Server API, Token-authenticated registration',
  handler: async (context: RegistrationContext, { query }) => {
    requireOpenRegistration(context);
    return { valid: (await checkRegistrationToken(context, query.token)) !== 'unusable' };
  },
});
