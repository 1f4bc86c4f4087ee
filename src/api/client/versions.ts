/** Owns the endpoint by which clients learn which versions and unstable features the server has. */
import { endpoint } from '#http/endpoint.ts';
import { buildVersions } from '#matrix/unstable-features.ts';

const versions = buildVersions();

export const getVersions = endpoint({
  operation: 'client.getVersions',
  method: 'GET',
  path: '/_matrix/client/versions',
  auth: 'optionalUser',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, API versions',
  handler: () => versions,
});
