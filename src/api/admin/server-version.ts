/** Owns the endpoint by which scripts of administrators learn what this server runs. */
import { readVersion } from '#core/version.ts';
import { endpoint } from '#http/endpoint.ts';

export const getServerVersion = endpoint({
  operation: 'admin.getServerVersion',
  method: 'GET',
  path: '/_synapse/admin/v1/server_version',
  auth: 'none',
  rateLimit: 'none',
  spec: 'own: the Admin API that scripts and suites know',
  handler: () => ({ server_version: `Causeway ${readVersion()}` }),
});
