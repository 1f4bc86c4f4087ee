/** Owns group commit without the commit: what waits while one batch runs goes into the next. */
import type { Quota } from '#core/quota.ts';

export type BatcherOptions<T> = {
  /** The most items in one batch. */
  readonly batchMax: number;
  /** How many items may wait. */
  readonly waiting: Quota;
  /** Works a batch off. It settles every item itself, and never rejects. */
  readonly run: (items: readonly T[]) => Promise<void>;
};

export type Batcher<T> = {
  /** False when too many wait already. An idle batcher starts within this turn of the event loop. */
  add(item: T): boolean;
  /** Resolves when nothing waits or runs any more. */
  settled(): Promise<void>;
};

/** One batch at a time, without a timer. */
export function createBatcher<T>({ batchMax, waiting, run }: BatcherOptions<T>): Batcher<T> {
  const queue: T[] = [];
  let running: Promise<void> | undefined;
  const work = async (): Promise<void> => {
    // What is added in this turn of the event loop goes into the first batch together.
    await Promise.resolve();
    while (queue.length > 0) {
      const items = queue.splice(0, batchMax);
      waiting.give(items.length);
      await run(items);
    }
    // In the same turn as the look at the queue: what comes later starts a run of its own.
    running = undefined;
  };
  return {
    add(item) {
      if (!waiting.take()) return false;
      queue.push(item);
      running ??= work();
      return true;
    },
    settled: async () => running,
  };
}
