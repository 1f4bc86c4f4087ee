/** Owns the answer to a request whose events were all here before. */
import { resultOf } from '#rooms/persist/batch.ts';
import type { BuiltEvents } from '#rooms/persist/built-events.ts';
import type { Work } from '#rooms/persist/room-lane.ts';
import type { Database } from '#storage/database.ts';

/** Nothing is left to be written but what the caller wants to be written with the events. */
export async function answerKnown(database: Database, work: Work, built: BuiltEvents): Promise<void> {
  const result = resultOf({ built });
  const { alongside } = work.request;
  if (alongside !== undefined) await database.transaction((tx) => alongside(tx, result));
  work.resolve(result);
}
