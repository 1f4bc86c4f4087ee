/** Owns one running PostgreSQL: starting it, waiting until it is ready, and stopping it for certain. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, constants, fstatSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { isErrno } from '#core/errno.ts';
import { answersFor, CANNOT_CONNECT_NOW, connectionOf, type EmbeddedConnection } from '#storage/embedded/connection.ts';
import { isPostmasterAlive, readPostmasterFile } from '#storage/embedded/postmaster-file.ts';
import type { RunAs } from '#storage/embedded/run-as.ts';

export type Postmaster = {
  readonly pid: number;
  /** Resolves with the reason when the process has ended, and never rejects. */
  readonly ended: Promise<string>;
  readonly hasEnded: () => boolean;
};

/** Everything that a start of PostgreSQL needs, decided once. */
export type Launch = {
  readonly postgres: string;
  readonly args: readonly string[];
  readonly runAs: RunAs;
  readonly cluster: string;
  readonly socketDirectory: string;
  readonly logFile: string;
  readonly logger: Logger;
  readonly clock: Clock;
};

const LOG_BYTES_MAX = 10_000_000;
const ADOPTED_POLL_MS = 200;
const READY_POLL_MS = 10;
const STILL_STARTING_MS = 10_000;
const CONNECT_PATIENCE_MS = 10_000;
const STOP_PATIENCE_MS = 10_000;

/** Starts the process, in a session of its own: Ctrl-C in our terminal must reach us alone, who stop it in order. */
export function spawnPostmaster({ postgres, args, runAs, logFile }: Launch): Postmaster {
  const log = openLog(logFile);
  const command = runAs(postgres, args);
  const child = spawn(command.program, command.args, {
    ...command.options,
    detached: true,
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  // `once` rejects on the event `error`, which stands for a program that cannot be run at all.
  const ended = once(child, 'exit').then(
    ([code, signal]) => (signal === null ? `exit code ${String(code)}` : `signal ${String(signal)}`),
    (error: unknown) => `it cannot be run: ${String(error)}`,
  );
  return watched(child.pid ?? 0, ended);
}

/** A PostgreSQL that an earlier server of ours left behind; it is not our child, so that its end has to be looked for. */
export function adoptPostmaster(pid: number, cluster: string): Postmaster {
  const watch = async () => {
    while (isPostmasterAlive(pid, cluster)) await sleep(ADOPTED_POLL_MS);
    return 'unknown, as an earlier server started it';
  };
  return watched(pid, watch());
}

/** However this process ends short of SIGKILL, PostgreSQL must not stay. An exit allows no waiting; SIGQUIT is safe. */
function watched(pid: number, ended: Promise<string>): Postmaster {
  let hasEnded = false;
  const killAtExit = () => {
    if (pid !== 0) sendSignal(pid, 'SIGQUIT');
  };
  process.on('exit', killAtExit);
  const unwatched = ended.then((reason) => {
    hasEnded = true;
    process.off('exit', killAtExit);
    return reason;
  });
  return { pid, ended: unwatched, hasEnded: () => hasEnded };
}

function openLog(file: string): number {
  const { O_APPEND, O_CREAT, O_WRONLY, O_NOFOLLOW } = constants;
  const log = openSync(file, O_APPEND | O_CREAT | O_WRONLY | O_NOFOLLOW, 0o600);
  if (fstatSync(log).size > LOG_BYTES_MAX) ftruncateSync(log);
  return log;
}

/** The last lines of PostgreSQL's log, for a message about a start that failed. */
export function readLastWords(logFile: string, lines = 3): string {
  try {
    return readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-lines).join(' ');
  } catch {
    return '';
  }
}

/**
 * Waits, as long as recovery may take, until connections are answered. False when the process ended instead, or when it
 * says that it is ready and still cannot be reached.
 */
export async function waitUntilReady(postmaster: Postmaster, launch: Launch): Promise<boolean> {
  const { cluster, socketDirectory, logger, clock } = launch;
  let toldAt = clock.monotonicMs();
  let readySince: number | undefined;
  while (!postmaster.hasEnded()) {
    const now = clock.monotonicMs();
    const file = readPostmasterFile(cluster);
    // The status line is asked first, since a connection that fails leaves a line in PostgreSQL's log.
    if (file?.pid === postmaster.pid && file.status === 'ready') {
      if (await answers(connectionOf(socketDirectory), cluster)) return true;
      readySince ??= now;
      if (now - readySince > CONNECT_PATIENCE_MS) return false;
    }
    if (now - toldAt > STILL_STARTING_MS) {
      toldAt = now;
      logger.warn('PostgreSQL is still starting; after a crash it recovers all that was acknowledged');
    }
    await Promise.race([postmaster.ended, sleep(READY_POLL_MS)]);
  }
  return false;
}

async function answers(connection: EmbeddedConnection, cluster: string): Promise<boolean> {
  try {
    return await answersFor(connection, cluster);
  } catch (error) {
    if (isErrno(error, 'ENOENT', 'ECONNREFUSED', 'ECONNRESET', CANNOT_CONNECT_NOW)) return false;
    throw error;
  }
}

/** Stops PostgreSQL and returns when its process is gone: in order, then at once, then by force. */
export async function stopPostmaster({ pid, ended, hasEnded }: Postmaster, logger: Logger): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT', 'SIGKILL'] as const) {
    if (hasEnded()) return;
    sendSignal(pid, signal);
    const patience = new AbortController();
    const timeout = sleep(STOP_PATIENCE_MS, undefined, { signal: patience.signal }).catch(() => {});
    await Promise.race([ended, timeout]);
    patience.abort();
    if (!hasEnded()) logger.warn({ pid, signal }, 'PostgreSQL has not stopped yet');
  }
  await ended;
}

function sendSignal(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isErrno(error, 'ESRCH')) throw error;
  }
}
