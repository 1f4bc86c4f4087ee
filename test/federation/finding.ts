/** Owns finding servers as the product does, on a network that a test makes up: its name server, its ports, its time. */
import type { Clock } from '#core/clock.ts';
import { systemClock } from '#core/clock.ts';
import { createAddressRule } from '#core/network/public-addresses.ts';
import { createLookup, createResolver } from '#core/network/resolver.ts';
import { createFindPlaces } from '#federation/discovery.ts';
import { createHttpsExchange, type HttpsExchange } from '#federation/https-exchange.ts';
import { createFindSrvPlaces } from '#federation/srv-places.ts';
import { createTransport, type Transport } from '#federation/transport.ts';
import { createTrust } from '#federation/trust.ts';
import { createFindDelegated } from '#federation/well-known.ts';
import { writeTlsFiles } from '#test/support/test-authority.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

export type Finding = Disposable & {
  readonly transport: Transport;
  /** Every place that was dialled: `host:port`. */
  readonly dialled: string[];
  /** Real ports by `host:port` of what is asked for, since nobody may listen on 443 here. */
  readonly ports: Map<string, number>;
  /** Lets time pass for what is remembered. */
  readonly passMs: (ms: number) => void;
};

export function createFinding(options: {
  readonly dnsServer: string;
  readonly allowRanges?: readonly string[];
  readonly wellKnownMs?: number;
}): Finding {
  using stack = new DisposableStack();
  const directory = stack.use(makeTemporaryDirectory());
  const files = writeTlsFiles(directory.path, 'unused.test');
  let passedMs = 0;
  const clock: Clock = {
    now: () => systemClock.now() + passedMs,
    monotonicMs: () => systemClock.monotonicMs() + passedMs,
  };
  const mayConnect = createAddressRule(options.allowRanges ?? ['127.0.0.1']);
  const resolver = createResolver(clock, [options.dnsServer]);
  const real = stack.use(
    createHttpsExchange({
      lookup: createLookup(resolver, mayConnect),
      mayConnect,
      trust: createTrust(files['CAUSEWAY_FEDERATION_CA_FILE']),
      verifyCertificates: true,
      connectionsPerServerMax: 4,
      userAgent: 'Causeway/test',
    }),
  );
  const ports = new Map<string, number>();
  const dialled: string[] = [];
  const exchange: HttpsExchange = (place, asked) => {
    const wanted = `${place.host}:${place.port}`;
    dialled.push(wanted);
    return real({ ...place, port: ports.get(wanted) ?? place.port }, asked);
  };
  const { wellKnownMs } = options;
  const findDelegated = createFindDelegated({
    exchange,
    clock,
    ...(wellKnownMs === undefined ? {} : { timeoutMs: wellKnownMs }),
  });
  const findPlaces = createFindPlaces({ findDelegated, findSrvPlaces: createFindSrvPlaces({ resolver, clock }) });
  const owned = stack.move();
  return {
    transport: createTransport({ findPlaces, exchange }),
    dialled,
    ports,
    passMs: (ms) => void (passedMs += ms),
    [Symbol.dispose]: () => owned[Symbol.dispose](),
  };
}
