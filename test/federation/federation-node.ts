/** Owns a server that has nothing but its keys, what speaks to other servers, and the endpoints that a test gives it. */
import path from 'node:path';
import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { bulkPerspectivesKeyQuery, getServerKey, perspectivesKeyQuery } from '#api/federation/keys.ts';
import { loadConfig } from '#config/load.ts';
import { systemClock, type Clock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { createFederation, type Federation } from '#federation/federation.ts';
import type { Endpoint } from '#http/endpoint.ts';
import { listen } from '#http/listen.ts';
import { mount } from '#http/mount.ts';
import { hostnameOf } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import { generateSigningKey } from '#matrix/signing-keys.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { findFreePort } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeTlsFiles } from '#test/support/test-authority.ts';

export type NodeContext = { readonly ownKeys: OwnKeys; readonly clock: Clock; readonly federation: Federation };

export type FederationNode = AsyncDisposable & {
  readonly name: string;
  readonly federation: Federation;
  readonly database: Database;
  readonly ownKeys: OwnKeys;
};

/** Starts a node below `localhost`. `env` is added to the configuration. */
export async function startNode(
  hostname: string,
  endpoints: readonly Endpoint<NodeContext>[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<FederationNode> {
  await using starting = new AsyncDisposableStack();
  const directory = starting.use(makeTemporaryDirectory());
  const on = starting.use(await createMigratedDatabase());
  const name = `${hostname}:${await findFreePort()}`;
  const files = writeTlsFiles(directory.path, hostname);
  const ranges = { CAUSEWAY_TLS_LISTEN: '127.0.0.1:0', CAUSEWAY_NETWORK_ALLOW_RANGES: '127.0.0.0/8' };
  const config = loadConfig({ env: { CAUSEWAY_SERVER_NAME: name, ...files, ...ranges, ...env } });
  const logger = createLogger('error');
  const database = starting.use(openDatabase(on.connection, { poolSize: 3, logger }));
  const ownKeys: OwnKeys = { signer: { serverName: name, key: generateSigningKey('node') }, expired: [] };
  const isLocal = (id: string): boolean => id === name || id.endsWith(`:${name}`);
  const clock = systemClock;
  const federation = starting.use(createFederation({ config, database, clock, logger, ownKeys, isLocal }));
  const { listener } = mount<NodeContext>(
    [...endpoints, getServerKey, perspectivesKeyQuery, bulkPerspectivesKeyQuery],
    { ownKeys, clock, federation },
    {
      authenticate: () => Promise.reject(new Error('There are no users here.')),
      servers: { ...federation.authenticator, bodyBytesMax: config.federation.bodyBytesMax },
      parseBody: (bytes, numbers) => parseJsonBytes(bytes, { bytesMax: 65_536, numbers }),
      clock,
      logger,
      bodyBytesMax: 65_536,
      bodyBytesInFlightMax: 100_000_000,
      rateLimits: config.rateLimits,
      trustedProxies: [],
      metrics: new Registry(),
    },
  );
  const pem = (file: string): Buffer => readFileSync(path.join(directory.path, `${file}.pem`));
  const tls = { cert: pem('certificate'), key: pem('key') };
  const port = Number(name.slice(hostnameOf(name).length + 1));
  starting.use(await listen({ host: '127.0.0.1', port, listener, tls }));
  const owned = starting.move();
  return { name, federation, database, ownKeys, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}
