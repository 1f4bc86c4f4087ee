/** Owns the endpoints by which whoever knows the shared secret makes accounts. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { makeNonce, registerBySecret, type SecretRegistrationParts } from '#users/register-by-secret.ts';
import { createSession, type SessionParts } from '#users/sessions.ts';

/** What this registration needs. */
export type SecretRegistrationContext = SecretRegistrationParts & SessionParts;

const path = '/_synapse/admin/v1/register';
const spec = 'own: the Admin API that scripts and suites know';

export const getRegistrationNonce = endpoint({
  operation: 'admin.getRegistrationNonce',
  method: 'GET',
  path,
  auth: 'none',
  rateLimit: 'default',
  spec,
  handler: (context: SecretRegistrationContext) => ({ nonce: makeNonce(context) }),
});

export const registerWithSecret = endpoint({
  operation: 'admin.registerWithSecret',
  method: 'POST',
  path,
  auth: 'none',
  rateLimit: 'default',
  body: Type.Object({
    nonce: Type.String({ maxLength: 200 }),
    username: Type.String(),
    password: Type.String(),
    mac: Type.String({ maxLength: 200 }),
    admin: Type.Optional(Type.Boolean()),
  }),
  spec,
  handler: async (context: SecretRegistrationContext, { body }) => {
    const { userId, userNid } = await registerBySecret(context, { ...body, admin: body.admin ?? false });
    const session = await createSession(context, { userNid });
    return { user_id: userId, home_server: context.config.serverName, ...session };
  },
});
