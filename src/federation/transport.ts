/** Owns an exchange with a server of which only the name is known. */
import type { Discovery } from '#federation/discovery.ts';
import type { Exchange, ExchangeAnswer, HttpsExchange } from '#federation/https-exchange.ts';
import { RemoteUnreachable } from '#federation/remote-errors.ts';

/** Asks a server, unsigned, wherever its name leads. Throws a RemoteUnreachable. */
export type Transport = (serverName: string, exchange: Exchange) => Promise<ExchangeAnswer>;

export function createTransport(parts: { readonly discovery: Discovery; readonly exchange: HttpsExchange }): Transport {
  return async (serverName, exchange) => {
    const [place] = await parts.discovery.findPlaces(serverName);
    if (place === undefined) throw new RemoteUnreachable(`${serverName} leads nowhere.`);
    return parts.exchange(place, exchange);
  };
}
