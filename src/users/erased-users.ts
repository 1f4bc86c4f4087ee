/** Owns knowing, without asking for each event, whose messages newcomers get redacted. */
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { findErasedUsers } from '#storage/users/find-erased-users.ts';

/** What another process erased is known here after this. */
const READ_INTERVAL_MS = 30_000;

/** The position in the event stream at which a user's account was erased, or undefined for everybody else. */
export type ErasedPosOf = (userId: string) => number | undefined;

export type ErasedUsers = Disposable & {
  readonly erasedPosOf: ErasedPosOf;
  /** Reads them anew; for whoever has erased an account. */
  readonly read: () => Promise<void>;
};

export async function openErasedUsers(parts: {
  readonly database: Database;
  readonly logger: Logger;
}): Promise<ErasedUsers> {
  let erased = await findErasedUsers(parts.database);
  const read = async (): Promise<void> => {
    erased = await findErasedUsers(parts.database);
  };
  const readAgain = (): void =>
    void read().catch((error: unknown) => parts.logger.warn({ err: error }, 'could not read who was erased'));
  const timer = setInterval(readAgain, READ_INTERVAL_MS);
  timer.unref();
  return {
    erasedPosOf: (userId) => erased.get(userId),
    read,
    [Symbol.dispose]: () => clearInterval(timer),
  };
}
