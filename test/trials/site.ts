/**
 * Owns what a trial is done to: some server processes over one PostgreSQL, with a link between each two of them and the
 * clients, all of which can be killed, stopped and cut, and come back.
 */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import { openDatabase, type Database } from '#storage/database.ts';
import { connectionOf, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import { layoutOf } from '#storage/embedded/layout.ts';
import { chooseSocketDirectory } from '#storage/embedded/socket-directory.ts';
import { startEmbeddedPostgres, type EmbeddedPostgres } from '#storage/embedded/start-embedded-postgres.ts';
import { Links } from '#test/trials/links.ts';
import { findPostmaster, killProcessesOf, sendSignal } from '#test/support/processes.ts';
import { isRedisInstalled, startRedis, type RedisProcess } from '#test/support/redis-process.ts';
import { findFreePort, startServerProcess, type ServerProcess } from '#test/support/server-process.ts';

const restartTimeoutMs = 60_000;
/** With which `causeway` runs; what it says of deprecated use of a library is a fault that a trial reports. */
const serverEnv = { CAUSEWAY_LOG_LEVEL: 'warn', NODE_OPTIONS: '--trace-deprecation' };

export type SiteOptions = {
  readonly root: string;
  readonly servers: number;
  /** `own`: the one server runs its embedded PostgreSQL, as it does without any configuration. */
  readonly database: 'shared' | 'own';
  /** Whether Redis carries the wake-ups between the servers, where one is installed. */
  readonly redis?: boolean;
};

/** One server of a site. */
export type Member = {
  readonly index: number;
  /** Where clients reach it, whichever process it is. */
  readonly baseUrl: string;
  process: ServerProcess;
  isPaused: boolean;
  /** What its processes wrote that have ended. */
  readonly outputs: string[];
};

/** Of one server, each through a link of its own. */
type Urls = { readonly databaseUrl: string; readonly redisUrl: string | undefined };

export class Site implements AsyncDisposable {
  readonly members: Member[] = [];
  readonly options: SiteOptions;
  readonly links: Links;
  #postgres: EmbeddedPostgres | undefined;
  #redis: RedisProcess | undefined;
  readonly #ports: number[] = [];
  readonly #urls: Urls[] = [];
  #disposal: AsyncDisposableStack | undefined;

  private constructor(options: SiteOptions, links: Links) {
    this.options = options;
    this.links = links;
  }

  /** Starts everything; the first server migrates. */
  static async open(options: SiteOptions): Promise<Site> {
    await using opening = new AsyncDisposableStack();
    const site = new Site(options, opening.use(new Links()));
    if (options.database === 'shared') {
      site.#postgres = opening.use(
        await startEmbeddedPostgres({
          dataDir: join(options.root, 'database'),
          logger: createLogger('silent'),
          clock: systemClock,
          settings: { max_connections: '120' },
        }),
      );
    }
    if (options.redis === true && isRedisInstalled) site.#redis = opening.use(await startRedis());
    opening.defer(() => site.#stopServers());
    for (let index = 0; index < options.servers; index += 1) {
      const port = await findFreePort();
      site.#ports.push(port);
      const clientPort = await site.links.open(clientLink(index), { host: '127.0.0.1', port });
      const process = await site.#start(index);
      const baseUrl = `http://127.0.0.1:${clientPort}`;
      site.members.push({ index, baseUrl, process, isPaused: false, outputs: [] });
    }
    site.#disposal = opening.move();
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#disposal?.disposeAsync();
  }

  /** A connection of the harness itself, past all links. */
  openDatabase(): Database {
    return openDatabase(this.#connection(), { poolSize: 2, logger: createLogger('silent') });
  }

  member(index: number): Member {
    const member = this.members[index];
    assert.ok(member, `there is a server ${index}`);
    return member;
  }

  /** Stops a process where it stands for a while; whatever it holds it keeps. */
  async pause(index: number, ms: number): Promise<void> {
    const member = this.member(index);
    const { pid } = member.process;
    member.isPaused = true;
    sendSignal(pid, 'SIGSTOP');
    await delay(ms);
    sendSignal(pid, 'SIGCONT');
    member.isPaused = false;
  }

  /** Ends a process without a word and starts it again, as a service manager would. */
  async kill(index: number): Promise<void> {
    const member = this.member(index);
    const exit = await member.process.kill('SIGKILL');
    assert.deepEqual(
      exit,
      { code: null, signal: 'SIGKILL' },
      `server ${index} had ended before it was killed\n${member.process.output().slice(-4_000)}`,
    );
    await this.#restart(member);
  }

  /** The server and its own PostgreSQL, all processes at once. */
  async killEverything(): Promise<void> {
    const member = this.member(0);
    await killProcessesOf(member.process.dataDir);
    await member.process.exited;
    await this.#restart(member);
  }

  /** `SIGKILL` as the kernel ends a process that takes too much memory, `SIGQUIT` as an immediate shutdown. */
  async killDatabase(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    const pid = this.#postgres?.pid() ?? (await findPostmaster(this.member(0).process.dataDir))?.pid;
    assert.ok(pid !== undefined, 'PostgreSQL is running');
    sendSignal(pid, signal);
    await this.#untilDatabaseAnswers();
  }

  get hasRedis(): boolean {
    return this.#redis !== undefined;
  }

  /** Ends Redis without a word and starts it again, empty, after a while. */
  async killRedis(awayMs: number): Promise<void> {
    await this.#redis?.kill();
    await delay(awayMs);
    await this.#redis?.start();
  }

  /** What the servers have written that a healthy one does not: it ended by itself, or uses a library as it should not. */
  complaints(): string[] {
    return this.members.flatMap(({ index, process, outputs }) => {
      const text = [...outputs, process.output()].join('\n');
      const deprecated = text.match(/DeprecationWarning[^]*?(?=\n\(node:|\n\{|$)/g) ?? [];
      const said = [...new Set(deprecated)].map((one) => `server ${index}: ${one.slice(0, 2_000)}`);
      return process.isRunning() ? said : [...said, `server ${index} ended by itself\n${text.slice(-4_000)}`];
    });
  }

  async #restart(member: Member): Promise<void> {
    member.outputs.push(member.process.output());
    const deadline = performance.now() + restartTimeoutMs;
    for (;;) {
      try {
        member.process = await this.#start(member.index);
        return;
      } catch (error) {
        // PostgreSQL may be away just now. A start then fails with a sentence, and is tried again.
        if (performance.now() > deadline) throw error;
      }
    }
  }

  async #start(index: number): Promise<ServerProcess> {
    const port = this.#ports[index];
    assert.ok(port !== undefined);
    const dataDir = join(this.options.root, `server-${index}`);
    if (this.options.database === 'own') return startServerProcess({ dataDir, port, env: serverEnv });
    const { databaseUrl, redisUrl } = this.#urls[index] ?? (await this.#openLinks(index));
    const env = redisUrl === undefined ? serverEnv : { ...serverEnv, CAUSEWAY_REDIS_URL: redisUrl };
    return startServerProcess({ dataDir, port, env, databaseUrl });
  }

  async #openLinks(index: number): Promise<Urls> {
    const { host, port, user, database } = this.#connection();
    const databasePort = await this.links.open(databaseLink(index), { path: join(host, `.s.PGSQL.${port}`) });
    const databaseUrl = `postgresql://${user}@127.0.0.1:${databasePort}/${database}`;
    const urls: Urls = { databaseUrl, redisUrl: this.#redis && (await this.#redisUrl(index, this.#redis.port)) };
    this.#urls[index] = urls;
    return urls;
  }

  async #redisUrl(index: number, port: number): Promise<string> {
    return `redis://127.0.0.1:${await this.links.open(redisLink(index), { host: '127.0.0.1', port })}`;
  }

  #connection(): EmbeddedConnection {
    if (this.#postgres !== undefined) return this.#postgres.connection;
    return connectionOf(chooseSocketDirectory(layoutOf(join(this.options.root, 'server-0')).socket));
  }

  async #untilDatabaseAnswers(): Promise<void> {
    const deadline = performance.now() + restartTimeoutMs;
    await using database = this.openDatabase();
    for (;;) {
      try {
        await database.query({ name: 'is_there', text: 'select 1' }, []);
        return;
      } catch (error) {
        if (performance.now() > deadline) throw error;
        await delay(20);
      }
    }
  }

  async #stopServers(): Promise<void> {
    for (const { process, isPaused } of this.members) {
      if (isPaused) sendSignal(process.pid, 'SIGCONT');
      await process[Symbol.asyncDispose]();
    }
  }
}

/** The link between the clients and a server. */
export const clientLink = (index: number): string => `clients–${index}`;
/** The link between a server and PostgreSQL. */
export const databaseLink = (index: number): string => `${index}–database`;
/** The link between a server and Redis. */
export const redisLink = (index: number): string => `${index}–redis`;
