/** Owns a Causeway that the benchmark starts from this checkout, with a new data directory, and leaves no trace of. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection, type Target } from '#test/bench/connection.ts';
import { listServerProcesses, type ServerProcess, stillRunning } from '#test/bench/processes.ts';

const checkout = resolve(import.meta.dirname, '../..');
const startMsMax = 60_000;
const stopMsMax = 30_000;

export class OwnServer implements AsyncDisposable {
  readonly target: Target;
  readonly dataDir: string;
  readonly #home: string;
  readonly #args: readonly string[];
  readonly #environment: NodeJS.ProcessEnv;
  #process: ChildProcess | undefined;
  #firstStartMs: number | undefined;

  /**
   * Chooses a free port and a new data directory; nothing runs before `start`. `args` are those of Node, `environment`
   * is added to our own.
   */
  static async create(
    databaseUrl?: string,
    args: readonly string[] = ['src/bin.js', 'start'],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<OwnServer> {
    return new OwnServer({ host: '127.0.0.1', port: await freePort() }, databaseUrl, args, environment);
  }

  private constructor(
    target: Target,
    databaseUrl: string | undefined,
    args: readonly string[],
    environment: NodeJS.ProcessEnv,
  ) {
    this.target = target;
    this.#args = args;
    this.#home = mkdtempSync(join(tmpdir(), 'causeway-bench-'));
    // Started by root, PostgreSQL runs as another user, who must be able to reach the directory below.
    chmodSync(this.#home, 0o755);
    this.dataDir = join(this.#home, 'data');
    this.#environment = {
      ...process.env,
      ...environment,
      CAUSEWAY_DATA_DIR: this.dataDir,
      CAUSEWAY_LISTEN: `${target.host}:${target.port}`,
      CAUSEWAY_REGISTRATION_MODE: 'open',
      CAUSEWAY_RATE_LIMITS_ENABLED: 'false',
      ...(databaseUrl === undefined ? {} : { CAUSEWAY_DATABASE_URL: databaseUrl }),
    };
  }

  /** Starts the server; returns the milliseconds until it answered. Throws `Error` with the end of its log. */
  async start(): Promise<number> {
    const log = openSync(this.#logFile, 'a');
    const startedAt = performance.now();
    // A group of its own: Ctrl-C reaches the benchmark, which then stops the server in order.
    const child = spawn(process.execPath, this.#args, {
      cwd: checkout,
      env: this.#environment,
      stdio: ['ignore', log, log],
      detached: true,
    });
    closeSync(log);
    this.#process = child;
    using probe = new Connection(this.target);
    while (performance.now() - startedAt < startMsMax) {
      if (child.exitCode !== null || child.signalCode !== null) break;
      const response = await probe.request('GET', '/_matrix/client/versions').catch(() => undefined);
      if (response?.status === 200) {
        const startMs = performance.now() - startedAt;
        this.#firstStartMs ??= startMs;
        return startMs;
      }
      await sleep(5);
    }
    throw new Error(`the server did not start:\n${readFileSync(this.#logFile, 'utf8').slice(-2000)}`);
  }

  /** How long the start on the empty data directory took; undefined before it. */
  get firstStartMs(): number | undefined {
    return this.#firstStartMs;
  }

  /** Every process that belongs to the server now. */
  processes(): ServerProcess[] {
    return listServerProcesses(this.#process?.pid, this.dataDir);
  }

  /** Stops the server as Ctrl-C does; returns a sentence for each thing that did not go as it should. */
  async stop(): Promise<string[]> {
    const child = this.#process;
    if (child === undefined) return [];
    const known = this.processes();
    this.#process = undefined;
    const running = child.exitCode === null && child.signalCode === null;
    const faults: string[] = [];
    if (running) {
      const exited = once(child, 'exit', { signal: AbortSignal.timeout(stopMsMax) });
      child.kill('SIGINT');
      await exited.catch(() => faults.push(`the server did not stop within ${stopMsMax / 1000} s of SIGINT`));
    } else {
      faults.push(`the server had ended by itself (${child.exitCode ?? child.signalCode})`);
    }
    const left = [...stillRunning(known), ...listServerProcesses(undefined, this.dataDir)];
    const leftPids = new Set(left.map(({ pid }) => pid));
    if (leftPids.size > 0) faults.push(`the server left ${leftPids.size} processes behind`);
    for (const pid of leftPids) killIfThere(pid);
    return faults;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.#home, { recursive: true, force: true });
  }

  get #logFile(): string {
    return join(this.#home, 'server.log');
  }
}

function killIfThere(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended in the meantime.
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
