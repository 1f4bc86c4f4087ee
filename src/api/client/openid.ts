/** Owns the endpoint by which users get tokens to prove to other services who they are. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { createOpenidToken, OPENID_TOKEN_LIFETIME_S, type OpenidParts } from '#users/openid-tokens.ts';

/** What making OpenID tokens needs. */
export type OpenidContext = OpenidParts & { readonly config: { readonly serverName: string } };

export const requestOpenIdToken = endpoint({
  operation: 'client.requestOpenIdToken',
  method: 'POST',
  path: '/_matrix/client/v3/user/{userId}/openid/request_token',
  aliases: ['/_matrix/client/r0/user/{userId}/openid/request_token'],
  auth: 'user',
  rateLimit: 'default',
  body: Type.Object({}),
  spec: 'Client-Server API, OpenID',
  handler: async (context: OpenidContext, { params, principal }) => {
    if (params.userId !== principal.userId) {
      throw new MatrixError('M_FORBIDDEN', 'You can prove only who you are yourself.');
    }
    return {
      access_token: await createOpenidToken(context, principal.userNid),
      token_type: 'Bearer',
      matrix_server_name: context.config.serverName,
      expires_in: OPENID_TOKEN_LIFETIME_S,
    };
  },
});
