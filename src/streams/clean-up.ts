/** Owns the end of rows that have served their purpose: typing that is over, transactions that nobody repeats any more. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { deleteOldToDeviceTransactions } from '#storage/streams/to-device-transactions.ts';
import { deleteStoppedTyping } from '#storage/streams/typing.ts';

const CLEAN_UP_MS = 60_000;
/** By then every process has read that they stopped. */
const STOPPED_KEPT_MS = 60_000;
const TRANSACTIONS_KEPT_MS = 86_400_000;

/** Every process does it: to delete what another has deleted costs a look into an index. */
export function startCleanUp(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
}): AsyncDisposable {
  const { database, clock, logger } = parts;
  let running: Promise<void> = Promise.resolve();
  const cleanUp = async (): Promise<void> => {
    try {
      await deleteStoppedTyping(database, clock.now() - STOPPED_KEPT_MS);
      await deleteOldToDeviceTransactions(database, clock.now() - TRANSACTIONS_KEPT_MS);
    } catch (error) {
      logger.warn({ err: error }, 'old rows of streams could not be deleted');
    }
  };
  const timer = setInterval(() => {
    running = running.then(cleanUp);
  }, CLEAN_UP_MS).unref();
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await running;
    },
  };
}
