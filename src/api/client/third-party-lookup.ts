/** Owns the endpoints of networks that are bridged: there are none as long as no application service offers one. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';

const spec = 'Client-Server API, Third-party networks';
const suspended = { allow: ['suspended'] } as const;

function refuseProtocol(): never {
  throw new MatrixError('M_NOT_FOUND', 'This server has no bridge to such a network.');
}

export const getProtocols = endpoint({
  operation: 'client.getProtocols',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocols',
  aliases: ['/_matrix/client/r0/thirdparty/protocols'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  spec,
  handler: () => ({}),
});

export const getProtocolMetadata = endpoint({
  operation: 'client.getProtocolMetadata',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/protocol/{protocol}',
  aliases: ['/_matrix/client/r0/thirdparty/protocol/{protocol}'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  spec,
  handler: refuseProtocol,
});

export const queryLocationByProtocol = endpoint({
  operation: 'client.queryLocationByProtocol',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/location/{protocol}',
  aliases: ['/_matrix/client/r0/thirdparty/location/{protocol}'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  spec,
  handler: refuseProtocol,
});

export const queryUserByProtocol = endpoint({
  operation: 'client.queryUserByProtocol',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/user/{protocol}',
  aliases: ['/_matrix/client/r0/thirdparty/user/{protocol}'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  spec,
  handler: refuseProtocol,
});

export const queryLocationByAlias = endpoint({
  operation: 'client.queryLocationByAlias',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/location',
  aliases: ['/_matrix/client/r0/thirdparty/location'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  query: Type.Object({ alias: Type.String() }),
  spec,
  handler: () => [],
});

export const queryUserByID = endpoint({
  operation: 'client.queryUserByID',
  method: 'GET',
  path: '/_matrix/client/v3/thirdparty/user',
  aliases: ['/_matrix/client/r0/thirdparty/user'],
  auth: 'user',
  ...suspended,
  rateLimit: 'none',
  query: Type.Object({ userid: Type.String() }),
  spec,
  handler: () => [],
});
