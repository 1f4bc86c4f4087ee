/** Owns what time alone brings about: rows that go when they are too old. One process at a time sees to it, in small steps. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { LeaseHolder } from '#storage/lease-holder.ts';

export type SweepTask = {
  /** As the metric has it: mostly the table. */
  readonly name: string;
  /** How often it is looked for more. */
  readonly intervalMs: number;
  /** Does a step of a second or less, at a time in milliseconds since 1970. It may be done twice. */
  readonly step: (now: number) => Promise<SweepStep>;
};

export type SweepStep = {
  readonly rows: number;
  /** Whether the next step should follow at once. */
  readonly hasMore: boolean;
};

export type SweepMetrics = { observe(task: string, rows: number, seconds: number): void };

export type SweeperParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly metrics: SweepMetrics;
};

/** Long, so that an idle server writes seldom: if a process dies, the sweeping can wait. */
const leaseTimes = { leaseMs: 90_000, renewMs: 30_000 };
const LOOK_MS = 10_000;
/** After a step the sweeper rests this many times as long as the step took. */
const REST_FACTOR = 2;
const REST_MS_MAX = 1_000;

/** Begins each task at once, and then after its interval. A task that fails is tried again after its interval. */
export function startSweeper(parts: SweeperParts, tasks: readonly SweepTask[]): AsyncDisposable {
  const { database, clock, logger } = parts;
  const lease = new LeaseHolder({ database, clock }, { kind: 'sweep', shard: '0' }, leaseTimes);
  const stopping = new AbortController();
  const { signal } = stopping;
  const dueMs = new Map<SweepTask, number>(tasks.map((task) => [task, -Infinity]));

  const sweep = async (): Promise<void> => {
    if ((await lease.hold()) === 'no') return;
    for (const task of tasks) {
      while (!signal.aborted && (dueMs.get(task) ?? 0) <= clock.monotonicMs()) {
        // Steps may follow one another for long, when a server is upgraded or was down.
        if ((await lease.hold()) === 'no') return;
        const { hasMore, tookMs } = await runStep(parts, task);
        if (!hasMore) dueMs.set(task, clock.monotonicMs() + task.intervalMs);
        else await pause(Math.min(REST_MS_MAX, REST_FACTOR * tookMs), signal);
      }
    }
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await sweep().catch((error: unknown) => logger.warn({ err: error }, 'the sweeper could not have its lease'));
      await pause(LOOK_MS, signal);
    }
    await lease.end();
  };
  const running = run();
  return {
    async [Symbol.asyncDispose]() {
      stopping.abort();
      await running;
    },
  };
}

async function runStep(
  { clock, logger, metrics }: SweeperParts,
  task: SweepTask,
): Promise<{ readonly hasMore: boolean; readonly tookMs: number }> {
  const startedMs = clock.monotonicMs();
  try {
    const { rows, hasMore } = await task.step(clock.now());
    const tookMs = clock.monotonicMs() - startedMs;
    metrics.observe(task.name, rows, tookMs / 1_000);
    return { hasMore, tookMs };
  } catch (error) {
    logger.warn({ err: error, task: task.name }, 'old rows could not be swept; it is tried again');
    return { hasMore: false, tookMs: clock.monotonicMs() - startedMs };
  }
}

/** Until the time is over, or the signal says to stop. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms).unref();
  const stop = (): void => resolve();
  signal.addEventListener('abort', stop, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener('abort', stop);
}
