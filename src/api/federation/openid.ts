/** Owns the endpoint by which services find out whose an OpenID token is. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { findOpenidTokenOwner, type OpenidParts } from '#users/openid-tokens.ts';

export const exchangeOpenIdToken = endpoint({
  operation: 'federation.exchangeOpenIdToken',
  method: 'GET',
  path: '/_matrix/federation/v1/openid/userinfo',
  auth: 'none',
  rateLimit: 'none',
  query: Type.Object({ access_token: Type.String() }),
  spec: 'Server-Server API, OpenID',
  handler: async (context: OpenidParts, { query }) => {
    const sub = await findOpenidTokenOwner(context, query.access_token);
    if (sub === undefined) throw new MatrixError('M_UNKNOWN_TOKEN', 'The token is not known, or it has expired.');
    return { sub };
  },
});
