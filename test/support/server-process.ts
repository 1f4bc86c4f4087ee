/** Owns the server as a process of its own: started the way an operator starts it, seen only from outside. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { awaitNoProcessesOf, killProcessesOf, sendSignal } from '#test/support/processes.ts';
import { createTestDatabase, type TestDatabase } from '#test/support/test-database.ts';

export const testServerName = 'hs1.test';

const repositoryRoot = fileURLToPath(new URL('../..', import.meta.url));
const startTimeoutMs = 60_000;
const stopTimeoutMs = 20_000;

export type ServerProcessOptions = {
  /** Added to, or overriding, the environment that every test server gets. */
  readonly env?: Readonly<Record<string, string>>;
  /** Kept by the caller, who also removes it. Without it a temporary directory is made and removed at disposal. */
  readonly dataDir?: string;
  /** The PostgreSQL to use. Without it the server runs its own embedded one. */
  readonly databaseUrl?: string;
  /** The port to listen on, so that a restarted server is found where its predecessor was. Free one by default. */
  readonly port?: number;
  /** The checkout whose server it is; this one by default. */
  readonly checkout?: string;
  /** How many files the process may have open at a time. */
  readonly openFilesMax?: number;
};

export type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

export type ServerProcess = AsyncDisposable & {
  readonly baseUrl: string;
  readonly metricsUrl: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  /** Settles when the process has ended, however it ended. */
  readonly exited: Promise<Exit>;
  /** Whether the process is still running. */
  isRunning(): boolean;
  /** Everything that the process has written to standard output and standard error so far. */
  output(): string;
  /** Sends a signal to the server's process alone and waits until it has ended. */
  kill(signal: NodeJS.Signals): Promise<Exit>;
  /** Ends the server as Ctrl-C does, and asserts exit code 0 and that it leaves no process behind. */
  stop(): Promise<void>;
};

/** Starts a server and returns once it answers GET /_matrix/client/versions with 200. Throws with its output if not. */
export async function startServerProcess(options: ServerProcessOptions = {}): Promise<ServerProcess> {
  const ownedRoot = options.dataDir === undefined ? await makeDataRoot() : undefined;
  const dataDir = options.dataDir ?? join(ownedRoot ?? '', 'data');
  const port = options.port ?? (await findFreePort());
  const metricsPort = await findFreePort();
  const command = [process.execPath, 'src/bin.js', 'start'];
  const limited = ['sh', '-c', `ulimit -n ${options.openFilesMax}; exec "$@"`, 'sh', ...command];
  const [program = '', ...args] = options.openFilesMax === undefined ? command : limited;
  const child = spawn(program, args, {
    cwd: options.checkout ?? repositoryRoot,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...inheritedEnvironment(),
      CAUSEWAY_DATA_DIR: dataDir,
      CAUSEWAY_LISTEN: `127.0.0.1:${port}`,
      CAUSEWAY_METRICS_LISTEN: `127.0.0.1:${metricsPort}`,
      CAUSEWAY_SERVER_NAME: testServerName,
      CAUSEWAY_REGISTRATION_MODE: 'open',
      CAUSEWAY_RATE_LIMITS_ENABLED: 'false',
      // Who comes and goes would wake those who wait for something else; tests of presence switch it on.
      CAUSEWAY_PRESENCE_ENABLED: 'false',
      ...(options.databaseUrl === undefined ? {} : { CAUSEWAY_DATABASE_URL: options.databaseUrl }),
      ...options.env,
    },
  });
  const server = watch(child, { port, metricsPort, dataDir, ownedRoot });
  try {
    await awaitAnswer(server);
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/**
 * Starts a server on a fresh database of the test run's PostgreSQL, which is fast; where there is none, on its own
 * embedded one. Disposal stops the server and drops the database.
 */
export async function startServerOnFreshDatabase(env: Readonly<Record<string, string>> = {}): Promise<ServerProcess> {
  if (process.env['CAUSEWAY_TEST_DATABASE'] === undefined) return startServerProcess({ env });
  const database = await createTestDatabase();
  try {
    const server = await startServerProcess({ env, databaseUrl: database.url });
    return withDatabase(server, database);
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}

/** A temporary directory in which a server can make its data directory. The caller removes it. */
export async function makeDataRoot(): Promise<string> {
  const root = await mkdtemp(join(tmpdir(), 'causeway-test-'));
  // Run as root, the server runs PostgreSQL as another user, who has to pass through here.
  await chmod(root, 0o755);
  return root;
}

/** A TCP port on the loopback interface that nothing listens on at the moment. */
export async function findFreePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve, reject) => {
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', resolve);
  });
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  assert.ok(address !== null && typeof address === 'object');
  return address.port;
}

type Place = {
  readonly port: number;
  readonly metricsPort: number;
  readonly dataDir: string;
  readonly ownedRoot: string | undefined;
};

function watch(child: ChildProcess, place: Place): ServerProcess {
  const output: string[] = [];
  child.stdout?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  child.stderr?.setEncoding('utf8').on('data', (text: string) => output.push(text));
  let running = true;
  const exited = new Promise<Exit>((resolve) => {
    const end = (exit: Exit): void => {
      running = false;
      resolve(exit);
    };
    child.once('error', (error) => {
      output.push(String(error));
      end({ code: null, signal: null });
    });
    child.once('exit', (code, signal) => end({ code, signal }));
  });
  const signalAndWait = async (signal: NodeJS.Signals): Promise<Exit> => {
    if (running && child.pid !== undefined) sendSignal(child.pid, signal);
    return within(exited, stopTimeoutMs, () => `The server did not end after ${signal}.\n${output.join('')}`);
  };
  return {
    baseUrl: `http://127.0.0.1:${place.port}`,
    metricsUrl: `http://127.0.0.1:${place.metricsPort}`,
    port: place.port,
    dataDir: place.dataDir,
    pid: child.pid ?? -1,
    exited,
    isRunning: () => running,
    output: () => output.join(''),
    kill: signalAndWait,
    async stop() {
      const exit = await signalAndWait('SIGINT');
      assert.deepEqual(exit, { code: 0, signal: null }, `The server did not stop cleanly.\n${output.join('')}`);
      await awaitNoProcessesOf(place.dataDir, 2_000);
    },
    async [Symbol.asyncDispose]() {
      if (running) await signalAndWait('SIGINT').catch(() => signalAndWait('SIGKILL'));
      await killProcessesOf(place.dataDir);
      if (place.ownedRoot !== undefined) await rm(place.ownedRoot, { recursive: true, force: true });
    },
  };
}

function withDatabase(server: ServerProcess, database: TestDatabase): ServerProcess {
  return {
    ...server,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

async function awaitAnswer(server: ServerProcess): Promise<void> {
  const deadline = performance.now() + startTimeoutMs;
  while (server.isRunning() && performance.now() < deadline) {
    const status = await fetch(`${server.baseUrl}/_matrix/client/versions`, { signal: AbortSignal.timeout(2_000) })
      .then(async (response) => {
        await response.body?.cancel();
        return response.status;
      })
      // Nothing listens yet.
      .catch(() => 0);
    if (status === 200) return;
    await delay(25);
  }
  const reason = server.isRunning() ? `did not answer within ${startTimeoutMs} ms` : 'ended while starting';
  throw new Error(`The server ${reason}.\n${server.output()}`);
}

async function within<T>(promise: Promise<T>, timeoutMs: number, describe: () => string): Promise<T> {
  const cancel = new AbortController();
  const expiry = delay(timeoutMs, undefined, { signal: cancel.signal }).then(() => {
    throw new Error(describe());
  });
  expiry.catch(() => undefined);
  try {
    return await Promise.race([promise, expiry]);
  } finally {
    cancel.abort();
  }
}

/** The caller's environment without any configuration of a server, so that a test depends on nothing outside it. */
function inheritedEnvironment(): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('CAUSEWAY_')));
}
