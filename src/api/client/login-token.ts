/** Owns the endpoint by which a user lets another device log in. */
import { Type } from 'typebox';
import { answer } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { createLoginToken, LOGIN_TOKEN_LIFETIME_MS, type LoginTokenParts } from '#users/login-tokens.ts';
import { authoriseUser, useConfirmation, userAuthSchema, type AuthoriseUserParts } from '#users/uia/authorise-user.ts';

export const generateLoginToken = endpoint({
  operation: 'client.generateLoginToken',
  method: 'POST',
  path: '/_matrix/client/v1/login/get_token',
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'login',
  body: Type.Object({ auth: userAuthSchema }),
  spec: 'Client-Server API, Login',
  handler: async (context: AuthoriseUserParts & LoginTokenParts, { body, principal }) => {
    const { userNid } = principal;
    const confirmation = { operation: 'client.generateLoginToken', userNid, request: '', auth: body.auth };
    const verdict = await authoriseUser(context, confirmation);
    if (!verdict.authorised) return answer({ status: 401, body: verdict.challenge });
    const token = await createLoginToken(context, userNid, (tx) => useConfirmation(tx, verdict.sessionHash));
    return { login_token: token, expires_in_ms: LOGIN_TOKEN_LIFETIME_MS };
  },
});
