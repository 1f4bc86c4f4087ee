/**
 * Owns asking DNS, by a resolver with sockets of its own: the system's `getaddrinfo` would take one of the four threads
 * that files and signatures need too, for as long as a dead name server is waited for.
 */
import type { LookupAddress } from 'node:dns';
import { Resolver as CaresResolver } from 'node:dns/promises';
import type { LookupFunction } from 'node:net';
import type { Clock } from '#core/clock.ts';
import { createHostsFile } from '#core/network/hosts-file.ts';
import type { AddressRule } from '#core/network/public-addresses.ts';

export type SrvTarget = {
  readonly name: string;
  readonly port: number;
  readonly priority: number;
  readonly weight: number;
};

export type Resolver = {
  /** All addresses of a name, IPv6 and IPv4. Rejects when there are none. */
  readonly resolveAddresses: (hostname: string) => Promise<readonly string[]>;
  /** The SRV records of a name as they come; none when there are none. Rejects when DNS does not answer. */
  readonly resolveSrv: (name: string) => Promise<readonly SrvTarget[]>;
};

/** A name that leads to no address which may be connected to. */
export class RefusedAddressError extends Error {
  override name = 'RefusedAddressError';
}

const QUERY_MS = 2_000;
const TRIES = 2;
const ADDRESSES_MAX = 16;

/** `servers` as `address` or `address:port`; those of the system when there are none. */
export function createResolver(clock: Clock, servers: readonly string[] = []): Resolver {
  const cares = new CaresResolver({ timeout: QUERY_MS, tries: TRIES });
  if (servers.length > 0) cares.setServers(servers);
  const hostsFile = createHostsFile(clock);
  return {
    resolveAddresses: async (hostname) => {
      // RFC 6761, section 6.3: such a name is this machine, whatever DNS says.
      if (/(?:^|\.)localhost$/i.test(hostname)) return ['127.0.0.1', '::1'];
      const known = hostsFile(hostname);
      if (known.length > 0) return known;
      const [six, four] = await Promise.allSettled([cares.resolve6(hostname), cares.resolve4(hostname)]);
      const addresses = [six, four].flatMap((found) => (found.status === 'fulfilled' ? found.value : []));
      if (addresses.length === 0) {
        throw new Error(`No address of ${hostname} was found.`, {
          cause: four.status === 'rejected' ? four.reason : undefined,
        });
      }
      return addresses.slice(0, ADDRESSES_MAX);
    },
    resolveSrv: async (name) => {
      try {
        return await cares.resolveSrv(name);
      } catch (error) {
        if (error instanceof Error && 'code' in error && hasNoRecord.has(error.code)) return [];
        throw error;
      }
    },
  };
}

const hasNoRecord = new Set<unknown>(['ENODATA', 'ENOTFOUND']);

/**
 * What a socket asks for the addresses that it then dials, so that what is judged and what is dialled are the same, however
 * often and differently DNS answers.
 */
export function createLookup({ resolveAddresses }: Resolver, mayConnect: AddressRule): LookupFunction {
  const findAllowed = async (hostname: string): Promise<LookupAddress[] | Error> => {
    try {
      const addresses = await resolveAddresses(hostname);
      const allowed = addresses.filter((address) => mayConnect(address));
      if (allowed.length === 0) return new RefusedAddressError(`${hostname} leads to no public address.`);
      return allowed.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }));
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  };
  const answer = async (...[hostname, options, callback]: Parameters<LookupFunction>): Promise<void> => {
    const found = await findAllowed(hostname);
    if (found instanceof Error) callback(found, '');
    else if (options.all === true) callback(null, found);
    else callback(null, found[0]?.address ?? '', found[0]?.family);
  };
  return (...asked) => void answer(...asked);
}
