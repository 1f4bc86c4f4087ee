/** Owns doing the work that waits in `work_items`: in any process, in steps, again after a failure. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import {
  claimWorkItem,
  deleteWorkItem,
  persistWorkProgress,
  releaseWorkItem,
  type ClaimedWorkItem,
  type WorkKind,
} from '#storage/work-items.ts';

/**
 * Does one step of an item, of a second or so, and gives the payload of the next one, or undefined at the end. A step may
 * be done again: after a crash, or when the work was asked for anew.
 */
export type WorkStep = (payload: string, item: { readonly key: string }) => Promise<string | WorkPause | undefined>;

/** The next step is due only after a time, in any process. */
export type WorkPause = { readonly payload: string; readonly pauseMs: number };

export type WorkRunner = AsyncDisposable & {
  /** Says that work was asked for, after the commit; other processes find it by looking. */
  readonly workWaiting: () => void;
};

export type WorkRunnerParts = { readonly database: Database; readonly clock: Clock; readonly logger: Logger };

/** Items that one process works on at the same time. */
const AT_ONCE_MAX = 4;
/** What other processes asked for, and what has failed, is found this often. */
const LOOK_INTERVAL_MS = 5_000;
/** An item whose process died is taken up by another after this; a step must take less. */
const LEASE_MS = 60_000;
const RETRY_MS_MIN = 1_000;
const RETRY_MS_MAX = 3_600_000;
/** About four days of trying. */
const ATTEMPTS_MAX = 100;

export function startWorkRunner(parts: WorkRunnerParts, steps: Readonly<Record<WorkKind, WorkStep>>): WorkRunner {
  const kinds = Object.keys(steps).filter((kind): kind is WorkKind => kind in steps);
  const running = new Set<Promise<void>>();
  const stopping = new AbortController();
  const isStopped = (): boolean => stopping.signal.aborted;

  const workOff = async (): Promise<void> => {
    while (!isStopped()) {
      const now = parts.clock.now();
      const item = await claimWorkItem(parts.database, kinds, now, now + LEASE_MS);
      if (item === undefined) return;
      await workOn(parts, steps[item.kind], item, isStopped);
    }
  };

  const workWaiting = (): void => {
    if (isStopped() || running.size >= AT_ONCE_MAX) return;
    const lane = workOff()
      .catch((error: unknown) => parts.logger.error({ err: error }, 'could not look for work'))
      .finally(() => running.delete(lane));
    running.add(lane);
  };

  const timer = setInterval(workWaiting, LOOK_INTERVAL_MS);
  timer.unref();
  workWaiting();
  return {
    workWaiting,
    async [Symbol.asyncDispose]() {
      stopping.abort();
      clearInterval(timer);
      await Promise.all(running);
    },
  };
}

async function workOn(
  { database, clock, logger }: WorkRunnerParts,
  step: WorkStep,
  item: ClaimedWorkItem,
  isStopped: () => boolean,
): Promise<void> {
  try {
    let payload: string | undefined = item.payload;
    while (payload !== undefined) {
      if (isStopped()) return await releaseWorkItem(database, item.workNid, clock.now(), undefined);
      const outcome: string | WorkPause | undefined = await step(payload, item);
      if (typeof outcome === 'object') {
        const dueAt = clock.now() + outcome.pauseMs;
        if (await persistWorkProgress(database, item, outcome.payload, dueAt)) return;
        // It was asked for anew meanwhile, and would else wait until this claim of it is over.
        return await releaseWorkItem(database, item.workNid, clock.now(), undefined);
      }
      payload = outcome;
      const isOurs: boolean =
        payload === undefined
          ? await deleteWorkItem(database, item)
          : await persistWorkProgress(database, item, payload, clock.now() + LEASE_MS);
      if (!isOurs) return await releaseWorkItem(database, item.workNid, clock.now(), undefined);
    }
  } catch (error) {
    const { kind, key, attempts } = item;
    if (attempts >= ATTEMPTS_MAX) {
      logger.error({ err: error, kind, key, attempts }, 'work was given up');
      await deleteWorkItem(database, item);
      return;
    }
    const retryMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(attempts - 1, 20));
    logger.warn({ err: error, kind, key, attempts, retryMs }, 'work failed and will be tried again');
    await releaseWorkItem(database, item.workNid, clock.now() + retryMs, String(error).slice(0, 1_000));
  }
}
