/** Owns what the tests of the embedded PostgreSQL share: starting one, asking it, watching processes. */
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client } from 'pg';
import { systemClock } from '#core/clock.ts';
import { createLogger } from '#core/logger.ts';
import type { EmbeddedConnection } from '#storage/embedded/connection.ts';
import {
  startEmbeddedPostgres,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
} from '#storage/embedded/start-embedded-postgres.ts';

type StartOptions = Partial<Pick<EmbeddedPostgresOptions, 'settings' | 'fsync'>>;

/** With `fsync` off unless told otherwise: no test cuts the power, and a killed PostgreSQL has written to the system. */
export function startIn(dataDir: string, options: StartOptions = {}): Promise<EmbeddedPostgres> {
  return startEmbeddedPostgres({
    dataDir,
    logger: createLogger('silent'),
    clock: systemClock,
    fsync: false,
    ...options,
  });
}

/** The first row of the statement's result, asked over a connection of its own. */
export async function ask(connection: EmbeddedConnection, sql: string): Promise<Record<string, unknown> | undefined> {
  const client = new Client(connection);
  await client.connect();
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return rows[0];
  } finally {
    await client.end();
  }
}

export type OtherServer = { readonly process: ChildProcess; readonly postgresPid: number };

/** Another process that starts the embedded PostgreSQL of this data directory and keeps it until it is told otherwise. */
export async function startOtherServer(dataDir: string): Promise<OtherServer> {
  const script = path.join(import.meta.dirname, 'other-server.ts');
  const child = spawn(process.execPath, [script, dataDir], { stdio: ['pipe', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    return { process: child, postgresPid: Number(line) };
  }
  throw new Error('The other server ended before it was ready.');
}

export async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + 20_000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`Waited in vain until ${what}.`);
    await sleep(20);
  }
}

export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !isZombie(pid);
  } catch {
    return false;
  }
}

/** A dead process stays in the list until its parent has asked for its exit code, which a container's first may never. */
function isZombie(pid: number): boolean {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
