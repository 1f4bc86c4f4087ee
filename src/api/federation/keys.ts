/** Owns the endpoints by which other servers learn signing keys: this server's own, and through it those of others. */
import { Type } from 'typebox';
import type { Clock } from '#core/clock.ts';
import { OWN_KEYS_VALID_MS, type Notary } from '#federation/notary.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { buildServerKeys, type OwnKeys } from '#matrix/server-keys.ts';

/** What publishing keys needs. */
export type KeysContext = { readonly ownKeys: OwnKeys; readonly clock: Clock };

type NotaryContext = { readonly federation: { readonly notary: Notary } };

/** Each may have to be asked first. */
const SERVERS_MAX = 100;

export const getServerKey = endpoint({
  operation: 'federation.getServerKey',
  method: 'GET',
  path: '/_matrix/key/v2/server',
  auth: 'none',
  rateLimit: 'none',
  spec: 'Server-Server API, Publishing Keys',
  handler: ({ ownKeys, clock }: KeysContext) => buildServerKeys(ownKeys, clock.now() + OWN_KEYS_VALID_MS),
});

export const perspectivesKeyQuery = endpoint({
  operation: 'federation.perspectivesKeyQuery',
  method: 'GET',
  path: '/_matrix/key/v2/query/{serverName}',
  auth: 'none',
  rateLimit: 'none',
  query: Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) }),
  spec: 'Server-Server API, Querying Keys Through Another Server',
  handler: async ({ federation: { notary } }: NotaryContext, { params, query }) => ({
    server_keys: await notary.findDocuments(new Map([[params.serverName, query.minimum_valid_until_ts]])),
  }),
});

const keyCriteria = Type.Object({ minimum_valid_until_ts: Type.Optional(Type.Integer()) });

export const bulkPerspectivesKeyQuery = endpoint({
  operation: 'federation.bulkPerspectivesKeyQuery',
  method: 'POST',
  path: '/_matrix/key/v2/query',
  auth: 'none',
  rateLimit: 'none',
  body: Type.Object({ server_keys: Type.Record(Type.String(), Type.Record(Type.String(), keyCriteria)) }),
  spec: 'Server-Server API, Querying Keys Through Another Server',
  handler: async ({ federation: { notary } }: NotaryContext, { body: { server_keys: asked } }) => {
    const servers = Object.entries(asked);
    if (servers.length > SERVERS_MAX) {
      throw new MatrixError('M_TOO_LARGE', `The keys of at most ${SERVERS_MAX} servers may be asked for at a time.`);
    }
    const wanted = servers.map(([serverName, keys]): [string, number | undefined] => {
      const times = Object.values(keys).flatMap(({ minimum_valid_until_ts: time }) => time ?? []);
      return [serverName, times.length === 0 ? undefined : Math.max(...times)];
    });
    return { server_keys: await notary.findDocuments(new Map(wanted)) };
  },
});
