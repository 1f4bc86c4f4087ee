/** Owns choosing Redis for wake-ups without loading its client before it is needed. */
import type { ReadTx } from '#storage/database.ts';
import { findChannelName } from '#storage/streams/event-channel.ts';
import type { Carrier } from '#streams/wake-ups/channel.ts';

/** The channel is named after the database, so that servers which share a Redis do not wake each other. */
export function redisCarrier(url: string, database: ReadTx): Carrier {
  return {
    name: 'redis',
    open: async (listeners) => {
      const [{ openRedisChannel }, name] = await Promise.all([
        import('#streams/wake-ups/redis-channel.ts'),
        findChannelName(database),
      ]);
      return openRedisChannel(url, name, listeners);
    },
  };
}
