/** Owns a real Redis for a test: started, hung, killed and started again on the same port. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { describe } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { sendSignal } from '#test/support/processes.ts';
import { findFreePort } from '#test/support/server-process.ts';
import { makeTemporaryDirectory } from '#test/support/temporary-directory.ts';

const program = ['/usr/bin/redis-server', '/usr/bin/valkey-server', '/usr/local/bin/redis-server'].find((path) =>
  existsSync(path),
);

/** Whether this machine has one. */
export const isRedisInstalled = program !== undefined;

/** A suite that needs Redis; where none is installed, it says so instead. */
export function describeWithRedis(name: string, tests: () => void): void {
  if (program === undefined) console.warn(`No redis-server is installed here: "${name}" is not tested.`);
  else describe(name, tests);
}

export type RedisProcess = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** Starts it anew where it was, with these arguments instead of the first ones if they are given. */
  start(args?: readonly string[]): Promise<void>;
  /** Ends it as a crash does. */
  kill(): Promise<void>;
  /** Stops or continues the process, whose connections stay. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void;
  /** One command on a connection of its own. */
  command(name: string, ...args: readonly string[]): Promise<unknown>;
};

/** A Redis on the loopback interface that keeps nothing. `args` are those of redis-server. */
export async function startRedis(args: readonly string[] = []): Promise<RedisProcess> {
  const port = await findFreePort();
  const directory = makeTemporaryDirectory();
  let child: ChildProcess | undefined;
  let given = args;
  const signal = (name: NodeJS.Signals): void => {
    if (child?.pid !== undefined && child.exitCode === null && child.signalCode === null) sendSignal(child.pid, name);
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    signal('SIGKILL');
    await ended;
  };
  const start = async (next: readonly string[] = given): Promise<void> => {
    assert.ok(program !== undefined);
    given = next;
    const own = [
      '--port',
      String(port),
      '--bind',
      '127.0.0.1',
      '--save',
      '',
      '--appendonly',
      'no',
      '--dir',
      directory.path,
    ];
    child = spawn(program, [...own, ...next], { stdio: 'ignore' });
    await untilListening(port);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    kill,
    signal,
    async command(name, ...words) {
      const client = new Redis({ port, host: '127.0.0.1', lazyConnect: true, retryStrategy: null });
      client.on('error', () => undefined);
      try {
        await client.connect();
        return await client.call(name, ...words);
      } finally {
        client.disconnect();
      }
    },
    async [Symbol.asyncDispose]() {
      await kill();
      directory[Symbol.dispose]();
    },
  };
}

async function untilListening(port: number): Promise<void> {
  for (let tries = 0; tries < 500; tries++) {
    const socket = connect(port, '127.0.0.1');
    const isThere = await once(socket, 'connect').then(
      () => true,
      () => false,
    );
    socket.destroy();
    if (isThere) return;
    await delay(10);
  }
  throw new Error('redis-server did not start.');
}
