/** Owns what follows when a device shows by its sync token that it has had an answer. */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Logger } from '#core/logger.ts';
import type { Database } from '#storage/database.ts';
import { persistDeliveredPositions } from '#storage/users/delivered-positions.ts';
import type { Streams } from '#streams/streams.ts';
import type { StreamPositions } from '#streams/sync-token.ts';
import { AcknowledgedMessages } from '#streams/to-device-queue.ts';

/** Positions wait this long, so that a busy device costs one update and not one for each of its syncs. */
const FLUSH_MS = 5_000;
const DEVICES_MAX = 50_000;

export type Deliveries = AsyncDisposable & {
  /** The device has had everything up to these positions. Its messages are deleted before this resolves. */
  acknowledge(deviceNid: number, positions: StreamPositions): Promise<void>;
};

export function createDeliveries(parts: {
  readonly database: Database;
  readonly streams: Streams;
  readonly logger: Logger;
}): Deliveries {
  const { database, streams, logger } = parts;
  const messages = new AcknowledgedMessages(database, streams.toDevice);
  const noted = new BoundedMap<number, number>({ sizeMax: 2 * DEVICES_MAX });
  let waiting = new Map<number, number>();
  let flushing: Promise<void> = Promise.resolve();
  const write = async (positions: ReadonlyMap<number, number>): Promise<void> => {
    try {
      await persistDeliveredPositions(database, positions);
    } catch (error) {
      // The next token of each device says it again.
      for (const deviceNid of positions.keys()) noted.delete(deviceNid);
      logger.warn({ err: error }, 'what devices have had could not be noted');
    }
  };
  const flush = (): void => {
    if (waiting.size === 0) return;
    const positions = waiting;
    waiting = new Map();
    flushing = flushing.then(() => write(positions));
  };
  const timer = setInterval(flush, FLUSH_MS).unref();
  return {
    async acknowledge(deviceNid, positions) {
      const [events, , toDevice] = positions;
      if (waiting.size < DEVICES_MAX && (noted.get(deviceNid) ?? 0) < events) {
        waiting.set(deviceNid, events);
        noted.set(deviceNid, events);
      }
      await messages.acknowledge(deviceNid, toDevice);
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      flush();
      await flushing;
    },
  };
}
