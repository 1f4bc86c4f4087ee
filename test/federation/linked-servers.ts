/** Owns servers of one process that reach each other by links of the test: each pair and direction can be cut for itself. */
import assert from 'node:assert/strict';
import { startDnsServer } from '#test/doubles/dns-server.ts';
import { startFederatedServer, type FederatedServer } from '#test/support/federated-servers.ts';
import { findFreePort } from '#test/support/server-process.ts';
import { Links, type Weather } from '#test/trials/links.ts';

export type LinkedServer = FederatedServer & {
  /** How many requests with one of these operation ids it has answered. */
  readonly countRequests: (...operations: readonly string[]) => Promise<number>;
};

export type LinkedServers = AsyncDisposable & {
  readonly servers: readonly LinkedServer[];
  /** What `from` asks of `to` goes by this from now on, and the answers; by default as it should. */
  readonly set: (from: LinkedServer, to: LinkedServer, weather?: Weather) => Promise<void>;
  /** The same for what either asks. */
  readonly setBetween: (one: LinkedServer, other: LinkedServer, weather?: Weather) => Promise<void>;
  /** All links are as they should be. */
  readonly reset: () => Promise<void>;
  readonly countConnections: (from: LinkedServer, to: LinkedServer) => Promise<number>;
};

/** So that a server which is not reached is soon tried again. */
const impatient = {
  CAUSEWAY_FEDERATION_TIMEOUT_MS: '5000',
  CAUSEWAY_FEDERATION_SEND_TIMEOUT_MS: '2500',
  CAUSEWAY_FEDERATION_RETRY_MS_MAX: '1000',
};

/** Every server has a name server of its own, by which each of the others is at an address that is this pair's link. */
export async function startLinkedServers(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<LinkedServers> {
  await using starting = new AsyncDisposableStack();
  const links = starting.use(new Links());
  const servers: LinkedServer[] = [];
  for (let index = 1; index <= count; index++) {
    const others = Array.from({ length: count }, (_, n) => n + 1).filter((other) => other !== index);
    const dns = starting.use(
      await startDnsServer(
        Object.fromEntries(others.map((other) => [`hs${other}.test`, { addresses: [addressOf(index, other)] }])),
      ),
    );
    const metrics = `127.0.0.1:${await findFreePort()}`;
    const server = starting.use(
      await startFederatedServer(`hs${index}.test`, {
        ...impatient,
        CAUSEWAY_NETWORK_DNS_SERVERS: dns.address,
        CAUSEWAY_METRICS_LISTEN: metrics,
        ...env,
      }),
    );
    servers.push({ ...server, countRequests: (...operations) => countRequests(`http://${metrics}`, operations) });
  }
  for (const [from, to] of pairsOf(servers)) {
    const port = Number(to.name.slice(to.name.lastIndexOf(':') + 1));
    const host = addressOf(servers.indexOf(from) + 1, servers.indexOf(to) + 1);
    await links.open(linkName(from, to), { host: '127.0.0.1', port }, { host, port });
  }
  const set: LinkedServers['set'] = (from, to, weather = {}) => links.set(linkName(from, to), weather);
  const owned = starting.move();
  return {
    servers,
    set,
    setBetween: async (one, other, weather) => {
      await Promise.all([set(one, other, weather), set(other, one, weather)]);
    },
    reset: async () => {
      await Promise.all(pairsOf(servers).map(([from, to]) => set(from, to)));
    },
    countConnections: (from, to) => links.count(linkName(from, to)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** All of 127.0.0.0/8 is this machine. */
function addressOf(from: number, to: number): string {
  return `127.77.${from}.${to}`;
}

function pairsOf(servers: readonly LinkedServer[]): [from: LinkedServer, to: LinkedServer][] {
  return servers.flatMap((from) =>
    servers.filter((to) => to !== from).map((to): [LinkedServer, LinkedServer] => [from, to]),
  );
}

function linkName(from: LinkedServer, to: LinkedServer): string {
  return `${from.name} to ${to.name}`;
}

async function countRequests(metricsUrl: string, operations: readonly string[]): Promise<number> {
  const response = await fetch(`${metricsUrl}/metrics`);
  assert.equal(response.status, 200);
  const counts = (await response.text()).matchAll(
    /^causeway_http_request_duration_seconds_count\{operation="([^"]+)"[^}]*\} (\d+)$/gm,
  );
  return [...counts].reduce(
    (sum, [, operation = '', value]) => sum + (operations.includes(operation) ? Number(value) : 0),
    0,
  );
}
