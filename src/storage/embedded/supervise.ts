/** Owns keeping the embedded PostgreSQL running: adopts one that is left, restarts one that dies, stops it at the end. */
import { setTimeout as sleep } from 'node:timers/promises';
import { StartError } from '#core/start-error.ts';
import {
  adoptPostmaster,
  readLastWords,
  spawnPostmaster,
  stopPostmaster,
  waitUntilReady,
  type Launch,
  type Postmaster,
} from '#storage/embedded/postmaster.ts';
import {
  disarmPidFile,
  isPostmasterAlive,
  readPostmasterFile,
  readStartedWith,
} from '#storage/embedded/postmaster-file.ts';

export type Crash = { readonly reason: string };

export type Supervision = AsyncDisposable & {
  /** The process that runs now, which changes after a crash. */
  readonly pid: () => number;
  /** Calls the listener each time PostgreSQL has ended by itself, before it is started again. */
  readonly onCrash: (listener: (crash: Crash) => void) => void;
};

const START_TRIES_MAX = 6;
const RETRY_DELAY_MS_MIN = 100;
const RETRY_DELAY_MS_MAX = 10_000;
/** After so long the next crash is a new matter. */
const STABLE_AFTER_MS = 60_000;

/** Starts or adopts PostgreSQL and keeps it running until disposed of. Throws a `StartError` if it does not start. */
export async function supervisePostgres(launch: Launch): Promise<Supervision> {
  const { logger, clock } = launch;
  const listeners: ((crash: Crash) => void)[] = [];
  const stopping = new AbortController();
  let current = (await adopt(launch)) ?? (await startAtFirst(launch));

  const keepRunning = async () => {
    let failures = 0;
    for (;;) {
      const startedAt = clock.monotonicMs();
      const reason = await current.ended;
      if (stopping.signal.aborted) return;
      logger.error({ pid: current.pid, reason }, 'PostgreSQL has ended by itself and is started again');
      for (const listener of listeners) listener({ reason });
      if (clock.monotonicMs() - startedAt > STABLE_AFTER_MS) failures = 0;
      let restarted: Postmaster | undefined;
      while (restarted === undefined) {
        await sleep(retryDelayMs(failures++), undefined, { signal: stopping.signal }).catch(() => {});
        if (stopping.signal.aborted) return;
        restarted = await tryRestart(launch);
      }
      current = restarted;
      logger.info({ pid: current.pid }, 'PostgreSQL runs again');
      if (stopping.signal.aborted) return stopPostmaster(current, logger);
    }
  };
  const loop = keepRunning();

  return {
    pid: () => current.pid,
    onCrash: (listener) => listeners.push(listener),
    [Symbol.asyncDispose]: async () => {
      stopping.abort();
      await stopPostmaster(current, logger);
      await loop;
    },
  };
}

/** None before the first try: the likeliest crash is a single one. */
function retryDelayMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(RETRY_DELAY_MS_MIN * 2 ** (failures - 1), RETRY_DELAY_MS_MAX);
}

/** A PostgreSQL of this cluster that an earlier server left running, if it was started just as we would start it. */
async function adopt(launch: Launch): Promise<Postmaster | undefined> {
  const { cluster, logger } = launch;
  const file = readPostmasterFile(cluster);
  if (file === undefined || !isPostmasterAlive(file.pid, cluster)) {
    const done = disarmPidFile(cluster);
    if (done !== undefined) logger.warn({ done, pid: file?.pid }, 'a left-over postmaster.pid was made harmless');
    return undefined;
  }
  const postmaster = adoptPostmaster(file.pid, cluster);
  // The status is written after the command line, so that with one the command line is that of this very process.
  const isSame = ['starting', 'ready'].includes(file.status) && readStartedWith(cluster) === startedWith(launch);
  if (isSame && (await waitUntilReady(postmaster, launch))) {
    logger.info({ pid: file.pid }, 'the PostgreSQL of an earlier server is still running and is used');
    return postmaster;
  }
  logger.info({ pid: file.pid }, 'the PostgreSQL of an earlier server is stopped, since it was started differently');
  await stopPostmaster(postmaster, logger);
  return undefined;
}

/** How PostgreSQL writes down the command in `postmaster.opts`. */
function startedWith({ postgres, args }: Launch): string {
  return [postgres, ...args.map((argument) => `"${argument}"`)].join(' ');
}

/** Backends that outlive a killed postmaster keep a new one out for a moment: hence more than one try. */
async function startAtFirst(launch: Launch): Promise<Postmaster> {
  for (let tries = 0; tries < START_TRIES_MAX; tries++) {
    await sleep(retryDelayMs(tries));
    const postmaster = await startOnce(launch);
    if (postmaster) return postmaster;
  }
  throw new StartError(
    `PostgreSQL does not start; its last words in ${launch.logFile} are: ${readLastWords(launch.logFile)}`,
  );
}

async function tryRestart(launch: Launch): Promise<Postmaster | undefined> {
  try {
    return await startOnce(launch);
  } catch (error) {
    launch.logger.error({ err: error }, 'PostgreSQL does not start');
    return undefined;
  }
}

/** Leaves no process behind when it does not return one. */
async function startOnce(launch: Launch): Promise<Postmaster | undefined> {
  const postmaster = spawnPostmaster(launch);
  let isReady = false;
  try {
    isReady = await waitUntilReady(postmaster, launch);
  } finally {
    if (!isReady) await stopPostmaster(postmaster, launch.logger);
  }
  return isReady ? postmaster : undefined;
}
