/** Owns running one thing at a time for many who want it. */

export type SingleFlight = (() => Promise<void>) & {
  /** Resolves when nothing runs any more; it never rejects. */
  readonly settled: () => Promise<void>;
};

/** Runs one at a time. A call during a run shares the one that starts after it, so it sees all that was there before. */
export function singleFlight(run: () => Promise<void>): SingleFlight {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  const start = (): Promise<void> => {
    const current = run().finally(() => {
      if (running === current) running = undefined;
    });
    running = current;
    return current;
  };
  const call = (): Promise<void> => {
    if (running === undefined) return start();
    next ??= running.then(ignore, ignore).then(() => {
      next = undefined;
      return start();
    });
    return next;
  };
  return Object.assign(call, {
    settled: async () => {
      await running?.then(ignore, ignore);
      await next?.then(ignore, ignore);
    },
  });
}

function ignore(): void {}
