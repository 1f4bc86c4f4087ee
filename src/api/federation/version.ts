/** Owns the endpoint by which other servers learn what this server runs. */
import { readVersion } from '#core/version.ts';
import { endpoint } from '#http/endpoint.ts';

export const getVersion = endpoint({
  operation: 'federation.getVersion',
  method: 'GET',
  path: '/_matrix/federation/v1/version',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Server-Server API, Retrieving the server version',
  handler: () => ({ server: { name: 'Causeway', version: readVersion() } }),
});
