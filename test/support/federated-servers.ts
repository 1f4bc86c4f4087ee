/** Owns several servers in one process that find, trust and ask each other as servers do: over TLS, by their names. */
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { loadConfig } from '#config/load.ts';
import { startServer } from '#server.ts';
import { registerUser, type MatrixHttp } from '#test/support/matrix-http.ts';
import { createMigratedDatabase } from '#test/support/room-parts.ts';
import { findFreePort } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';
import { writeTlsFiles } from '#test/support/test-authority.ts';
import type { TestDatabase } from '#test/support/test-database.ts';

export type FederatedServer = AsyncDisposable & {
  /** `hs1.localhost:PORT`: each has a host name of its own, as access lists leave ports out. */
  readonly name: string;
  /** Where clients reach it, by plain HTTP. */
  readonly baseUrl: string;
  readonly database: TestDatabase;
  /** A new user with one device. */
  readonly newUser: (localpart: string) => Promise<MatrixHttp>;
  /** Stops answering, with everything kept; `start` goes on where it stopped, under the same name. */
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
};

export type FederatedServers = AsyncDisposable & { readonly servers: readonly FederatedServer[] };

/**
 * Starts `count` servers as the product configures them but for this: open registration without limits, a trusted authority
 * of the test, and loopback addresses allowed. `env` is added to the configuration of each.
 */
export async function startFederation(
  count: number,
  env: Readonly<Record<string, string>> = {},
): Promise<FederatedServers> {
  const resources = new AsyncDisposableStack();
  try {
    const servers: FederatedServer[] = [];
    for (let index = 1; index <= count; index++) {
      servers.push(resources.use(await startFederatedServer(`hs${index}.localhost`, env)));
    }
    return { servers, [Symbol.asyncDispose]: () => resources.disposeAsync() };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/** One of them, by a host name below `localhost`. */
export async function startFederatedServer(
  hostname: string,
  env: Readonly<Record<string, string>> = {},
): Promise<FederatedServer> {
  await using starting = new AsyncDisposableStack();
  const directory = starting.use(makeTemporaryDirectory());
  const database = starting.use(await createMigratedDatabase());
  const [port, plainPort] = [await findFreePort(), await findFreePort()];
  const name = `${hostname}:${port}`;
  const dataDir = path.join(directory.path, 'data');
  mkdirSync(dataDir);
  const config = loadConfig({
    cwd: directory.path,
    env: {
      CAUSEWAY_SERVER_NAME: name,
      CAUSEWAY_DATA_DIR: dataDir,
      CAUSEWAY_DATABASE_URL: database.url,
      CAUSEWAY_DATABASE_POOL_SIZE: '5',
      CAUSEWAY_LISTEN: `127.0.0.1:${plainPort}`,
      CAUSEWAY_TLS_LISTEN: `127.0.0.1:${port}`,
      ...writeTlsFiles(directory.path, hostname),
      CAUSEWAY_NETWORK_ALLOW_RANGES: '127.0.0.0/8',
      CAUSEWAY_METRICS_LISTEN: '',
      CAUSEWAY_REGISTRATION_MODE: 'open',
      CAUSEWAY_RATE_LIMITS_ENABLED: 'false',
      CAUSEWAY_PRESENCE_ENABLED: 'false',
      CAUSEWAY_LOG_LEVEL: 'error',
      ...env,
    },
  });
  let running = new AsyncDisposableStack();
  const start = async (): Promise<void> => void running.use(await startServer(config));
  const stop = async (): Promise<void> => {
    const ending = running;
    running = new AsyncDisposableStack();
    await ending.disposeAsync();
  };
  starting.defer(() => stop());
  await start();
  const owned = starting.move();
  const baseUrl = `http://127.0.0.1:${plainPort}`;
  return {
    name,
    baseUrl,
    database,
    newUser: (localpart) => registerUser(baseUrl, localpart),
    stop,
    start,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
