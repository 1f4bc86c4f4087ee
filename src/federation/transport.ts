/** Owns an exchange with a server of which only the name is known. */
import type { FindPlaces } from '#federation/discovery.ts';
import type { Exchange, ExchangeAnswer, HttpsExchange } from '#federation/https-exchange.ts';
import { NotConnected, RemoteUnreachable } from '#federation/remote-errors.ts';

/** Asks a server, unsigned, wherever its name leads. Throws a RemoteUnreachable. */
export type Transport = (serverName: string, exchange: Exchange) => Promise<ExchangeAnswer>;

/** A place that cannot be connected to is followed by the next; what may have been received is not sent to another. */
export function createTransport(parts: {
  readonly findPlaces: FindPlaces;
  readonly exchange: HttpsExchange;
}): Transport {
  return async (serverName, exchange) => {
    const places = await parts.findPlaces(serverName);
    let last = new RemoteUnreachable(`${serverName} leads nowhere.`);
    for (const place of places) {
      try {
        return await parts.exchange(place, exchange);
      } catch (error) {
        if (!(error instanceof NotConnected)) throw error;
        last = error;
      }
    }
    throw last;
  };
}
