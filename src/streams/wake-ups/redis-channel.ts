/** Owns wake-ups by Redis or Valkey: publish and subscribe on one connection, which RESP3 allows. */
import { Redis } from 'ioredis';
import type { Channel, ChannelListeners } from '#streams/wake-ups/channel.ts';

/** Neither connecting nor an answer takes longer, or Redis counts as lost. */
const ANSWER_MS_MAX = 3_000;
/** Asked so often whether it still answers: a Redis that hangs, or a cut network, ends no connection. */
const PING_MS = 1_000;
const DISCONNECT_MS = 100;

/** Needs Redis 6 or Valkey. Loaded only where Redis is configured. */
export async function openRedisChannel(
  url: string,
  name: string,
  { onMessage, onLost, signal }: ChannelListeners,
): Promise<Channel> {
  const redis = new Redis(url, {
    protocol: 3,
    lazyConnect: true,
    connectTimeout: ANSWER_MS_MAX,
    // Ends a connection on which a command has waited for so long.
    socketTimeout: ANSWER_MS_MAX,
    // A Redis that hangs does not hold up the end of the process: there is nothing to wait for.
    disconnectTimeout: DISCONNECT_MS,
    connectionName: 'causeway wake-ups',
    disableClientInfo: true,
    enableReadyCheck: false,
    // The notifier connects again, with a back-off of its own, and whoever waits looks meanwhile: nothing is sent late.
    retryStrategy: null,
    enableOfflineQueue: false,
    autoResubscribe: false,
    autoResendUnfulfilledCommands: false,
  });
  // Why a connection ends is told here, and commands fail with less; without a listener it would be printed.
  let reason: unknown;
  redis.on('error', (error) => (reason ??= error));
  const publish = async (text: string): Promise<void> => {
    await redis.publish(name, text).catch((error: unknown) => {
      throw reason ?? error;
    });
  };
  const end = (): void => redis.disconnect();
  signal.addEventListener('abort', end, { once: true });
  try {
    await redis.connect();
    redis.on('message', (_channel, text) => onMessage(text));
    redis.once('end', () => onLost(reason ?? new Error('Redis has closed the connection.')));
    await redis.subscribe(name);
    // What is only read, or only written, carries nothing.
    await publish('');
  } catch (error) {
    end();
    throw reason ?? error;
  } finally {
    signal.removeEventListener('abort', end);
  }
  // A failure ends the connection, which is told above.
  const ping = setInterval(() => void redis.ping().catch(() => undefined), PING_MS).unref();
  return {
    publish,
    async [Symbol.asyncDispose]() {
      clearInterval(ping);
      end();
    },
  };
}
