/** Owns looking for what other processes have committed, which finds what no wake-up told. */
import { setTimeout as delay } from 'node:timers/promises';
import { singleFlight } from '#core/single-flight.ts';
import type { ReadTx } from '#storage/database.ts';
import { findNewestPositions } from '#storage/streams/find-changes.ts';

const POLL_MS = 1_000;
/** How often while wake-ups do not come, so that a message is still told at once by human measure. */
const ALONE_POLL_MS = 200;

export type Poll = AsyncDisposable & {
  /** Looks now. It never rejects. */
  readonly look: () => Promise<void>;
};

type Parts = {
  readonly database: ReadTx;
  /** Whether wake-ups of other processes reach this one. */
  readonly isWoken: () => boolean;
  readonly onPositions: (positions: readonly number[]) => void;
  readonly warn: (error: unknown) => void;
};

/** Looks until it is disposed of; one query at a time, and no oftener than usual while the database is away. */
export function startPoll({ database, isWoken, onPositions, warn }: Parts): Poll {
  const closing = new AbortController();
  let isFailing = false;
  const look = singleFlight(async () => {
    try {
      onPositions(await findNewestPositions(database));
      isFailing = false;
    } catch (error) {
      isFailing = true;
      warn(error);
    }
  });
  const running = (async () => {
    const { signal } = closing;
    for (;;) {
      const delayMs = isWoken() || isFailing ? POLL_MS : ALONE_POLL_MS;
      await delay(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
      if (signal.aborted) return;
      await look();
    }
  })();
  return {
    look,
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
      await look.settled();
    },
  };
}
