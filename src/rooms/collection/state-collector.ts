/** Owns doing collections in steps, and what this process knows of those that are under way. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { CollectionPayload } from '#rooms/collection/ask-for-collection.ts';
import { collectState } from '#rooms/collection/collect-state.ts';
import type { ReadTx } from '#storage/database.ts';

const STEP_MS = 500;
/** No fewer than there are items of work at once, so that none pushes another out before its next step. */
const UNDER_WAY_MAX = 8;

/** Does half a second of a collection and gives whether there is more to do. */
export type StateCollector = (asked: CollectionPayload) => Promise<boolean>;

/** What one process has found out is of no use to another, which begins anew: it finds what is still to be removed. */
export function createStateCollector(parts: {
  readonly database: ReadTx;
  readonly clock: Clock;
  readonly logger: Logger;
}): StateCollector {
  const { database, clock, logger } = parts;
  const underWay = new BoundedMap<string, ReturnType<typeof collectState>>({ sizeMax: UNDER_WAY_MAX });
  return async ({ roomNid, askedAt }) => {
    const key = `${roomNid} ${askedAt}`;
    const run = underWay.get(key) ?? collectState(database, roomNid);
    // It is kept only if the step succeeds: after a failure it is begun anew.
    underWay.delete(key);
    for (const untilMs = clock.monotonicMs() + STEP_MS; clock.monotonicMs() < untilMs;) {
      const { done, value } = await run.next();
      if (done !== true) continue;
      logger.info({ roomNid, ...value }, 'state nodes were collected');
      return false;
    }
    underWay.set(key, run);
    return true;
  };
}
