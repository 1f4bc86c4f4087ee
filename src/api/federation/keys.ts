/** Owns the endpoint by which other servers learn this server's signing keys. */
import type { Clock } from '#core/clock.ts';
import { endpoint } from '#http/endpoint.ts';
import { buildServerKeys, type OwnKeys } from '#matrix/server-keys.ts';

/** What publishing keys needs. */
export type KeysContext = { readonly ownKeys: OwnKeys; readonly clock: Clock };

/** How long others may rely on the document, and so how long they may miss that a key was withdrawn. */
const VALID_MS = 24 * 3_600_000;

export const getServerKey = endpoint({
  operation: 'federation.getServerKey',
  method: 'GET',
  path: '/_matrix/key/v2/server',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Server-Server API, Publishing Keys',
  handler: ({ ownKeys, clock }: KeysContext) => buildServerKeys(ownKeys, clock.now() + VALID_MS),
});
