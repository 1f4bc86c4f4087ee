/** Owns finding the place of a server from its name. Specification: Server-Server API, "Resolving server names". */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { HttpsExchange, Place } from '#federation/https-exchange.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import { hostnameOf, isIpLiteral, isServerName } from '#matrix/ids.ts';
import { parseJsonBytes } from '#matrix/parse-json.ts';
import { isJsonObject } from '#matrix/pdu-format.ts';

export type Discovery = { readonly findPlaces: (serverName: string) => Promise<readonly Place[]> };

const PORT = 8448;
const CACHED_MAX = 20_000;
const WELL_KNOWN_BYTES_MAX = 50 * 1024;
const WELL_KNOWN_MS = 10_000;
const DELEGATED_MS = 24 * 3_600_000;
const FAILED_MS = 3_600_000;

type Cached = { readonly delegated: string | undefined; readonly untilMs: number };

/** `findPlaces` gives where to try, best first; it throws a RemoteUnreachable for what is no server name. */
export function createDiscovery({
  exchange,
  clock,
}: {
  readonly exchange: HttpsExchange;
  readonly clock: Clock;
}): Discovery {
  const cache = new BoundedMap<string, Cached>({ sizeMax: CACHED_MAX });

  const findDelegated = async (hostname: string): Promise<string | undefined> => {
    const known = cache.get(hostname);
    if (known !== undefined && known.untilMs > clock.monotonicMs()) return known.delegated;
    const delegated = await askWellKnown(exchange, hostname).catch(() => undefined);
    cache.set(hostname, {
      delegated,
      untilMs: clock.monotonicMs() + (delegated === undefined ? FAILED_MS : DELEGATED_MS),
    });
    return delegated;
  };

  return {
    findPlaces: async (serverName) => {
      if (!isServerName(serverName)) throw new RemoteUnreachable(`${serverName} is no server name.`);
      const direct = placeOf(serverName);
      if (direct !== undefined) return [direct];
      const delegated = await findDelegated(serverName);
      return [placeOf(delegated ?? serverName) ?? standardPlace(delegated ?? serverName)];
    },
  };
}

async function askWellKnown(exchange: HttpsExchange, hostname: string): Promise<string | undefined> {
  const place = { host: hostname, port: 443, hostHeader: hostname, certificateName: hostname };
  const { status, bytes } = await exchange(place, {
    method: 'GET',
    target: '/.well-known/matrix/server',
    timeoutMs: WELL_KNOWN_MS,
    bytesMax: WELL_KNOWN_BYTES_MAX,
  });
  if (status !== 200) return undefined;
  const parsed = parseJsonBytes(bytes, { bytesMax: WELL_KNOWN_BYTES_MAX, numbers: 'any' });
  const delegated = parsed.ok && isJsonObject(parsed.value) ? parsed.value['m.server'] : undefined;
  return typeof delegated === 'string' && isServerName(delegated) ? delegated : undefined;
}

/** The place of a name that needs no looking up: an IP address, or a host with its port. */
function placeOf(name: string): Place | undefined {
  const hostname = hostnameOf(name);
  const port = name === hostname ? undefined : Number(name.slice(hostname.length + 1));
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  if (!isIpLiteral(hostname) && port === undefined) return undefined;
  if (port !== undefined && (port < 1 || port > 65_535)) throw new RemoteUnreachable(`${name} has no possible port.`);
  return { host, port: port ?? PORT, hostHeader: name, certificateName: host };
}

function standardPlace(hostname: string): Place {
  return { host: hostname, port: PORT, hostHeader: hostname, certificateName: hostname };
}
