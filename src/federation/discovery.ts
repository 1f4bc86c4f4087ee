/** Owns finding the places of a server from its name. Specification: Server-Server API, "Resolving server names". */
import type { Place } from '#federation/https-exchange.ts';
import { directPlaceOf, FEDERATION_PORT, isReachableName } from '#federation/place.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';
import type { FindSrvPlaces } from '#federation/srv-places.ts';
import type { FindDelegated } from '#federation/well-known.ts';

/** The places to try, best first. Throws a RemoteUnreachable for what is no server name. */
export type FindPlaces = (serverName: string) => Promise<readonly Place[]>;

export function createFindPlaces(parts: {
  readonly findDelegated: FindDelegated;
  readonly findSrvPlaces: FindSrvPlaces;
}): FindPlaces {
  return async (serverName) => {
    if (!isReachableName(serverName)) throw new RemoteUnreachable(`${serverName.slice(0, 300)} is no server name.`);
    // Steps 1 and 2.
    const direct = directPlaceOf(serverName);
    if (direct !== undefined) return [direct];
    // Step 3; what is delegated to does not delegate further.
    const delegated = await parts.findDelegated(serverName);
    const found = delegated === undefined ? undefined : directPlaceOf(delegated);
    if (found !== undefined) return [found];
    // Steps 3.3 to 3.5 for the delegated name, 4 to 6 for the server's own.
    const hostname = delegated ?? serverName;
    const places = await parts.findSrvPlaces(hostname);
    if (places.length > 0) return places;
    return [{ host: hostname, port: FEDERATION_PORT, hostHeader: hostname, certificateName: hostname }];
  };
}
