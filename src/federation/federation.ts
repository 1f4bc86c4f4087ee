/** Owns the composition of all that speaks to other servers. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { createAddressRule } from '#core/network/public-addresses.ts';
import { createLookup, createResolver } from '#core/network/resolver.ts';
import type { Load } from '#core/quota.ts';
import { readVersion } from '#core/version.ts';
import { createServerAuthenticator, type ServerAuthenticator } from '#federation/authenticate-server.ts';
import { createBackOff } from '#federation/back-off.ts';
import { createFindPlaces } from '#federation/discovery.ts';
import { createFederationClient, type FederationClient, type FederationLimits } from '#federation/federation-client.ts';
import { createHttpsExchange } from '#federation/https-exchange.ts';
import { KeyStore } from '#federation/key-store.ts';
import { createKeyring, type Keyring } from '#federation/keyring.ts';
import { createNotary, type Notary } from '#federation/notary.ts';
import { createFindSrvPlaces } from '#federation/srv-places.ts';
import { createTransport } from '#federation/transport.ts';
import { createTrust } from '#federation/trust.ts';
import { createFindDelegated } from '#federation/well-known.ts';
import type { OwnKeys } from '#matrix/server-keys.ts';
import type { Database } from '#storage/database.ts';

export type Federation = {
  readonly client: FederationClient;
  readonly keyring: Keyring;
  readonly authenticator: ServerAuthenticator;
  readonly notary: Notary;
  /** False for a server without a name of its own. */
  readonly isEnabled: boolean;
  readonly loads: readonly Load[];
};

export type FederationConfig = {
  readonly trial: boolean;
  readonly federation: FederationLimits & {
    readonly caFile: string | undefined;
    readonly verifyCertificates: boolean;
    readonly connectionsPerServerMax: number;
    readonly retryMsMax: number;
    readonly keyNotaries: readonly string[];
  };
  readonly network: { readonly allowRanges: readonly string[]; readonly dnsServers: readonly string[] };
};

/** Throws a StartError for a file of authorities that cannot be read. Disposing of it closes its connections. */
export function createFederation(parts: {
  readonly config: FederationConfig;
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly ownKeys: OwnKeys;
  readonly isLocal: (id: string) => boolean;
}): Federation & Disposable {
  const { config, clock, ownKeys, isLocal } = parts;
  const mayConnect = createAddressRule(config.network.allowRanges);
  const resolver = createResolver(clock, config.network.dnsServers);
  const exchange = createHttpsExchange({
    lookup: createLookup(resolver, mayConnect),
    mayConnect,
    trust: createTrust(config.federation.caFile),
    verifyCertificates: config.federation.verifyCertificates,
    connectionsPerServerMax: config.federation.connectionsPerServerMax,
    userAgent: `Causeway/${readVersion()}`,
  });
  const findPlaces = createFindPlaces({
    findDelegated: createFindDelegated({ exchange, clock }),
    findSrvPlaces: createFindSrvPlaces({ resolver, clock }),
  });
  const transport = createTransport({ findPlaces, exchange });
  const { retryMsMax, keyNotaries: notaries } = config.federation;
  const backOff = createBackOff({ clock, retryMsMax });
  const keys = new KeyStore({ ...parts, transport, notaries });
  const keyring = createKeyring({ keys, ownKeys, isLocal, clock });
  const isEnabled = !config.trial;
  const { signer } = ownKeys;
  const client = createFederationClient({ transport, backOff, signer, isLocal, isEnabled, limits: config.federation });
  const ownName = signer.serverName;
  return {
    client,
    keyring,
    authenticator: createServerAuthenticator({ keyring, isLocal, ownName, isEnabled, heard: backOff.reached }),
    notary: createNotary({ ...parts, isEnabled, keys }),
    isEnabled,
    loads: [client.load, keys.load],
    [Symbol.dispose]: () => exchange[Symbol.dispose](),
  };
}
