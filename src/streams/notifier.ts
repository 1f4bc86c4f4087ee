/** Owns the wake-ups between the processes of one server: LISTEN and NOTIFY on a connection of their own. */
import type { Client } from 'pg';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { eventChannel, listenForEvents, notifyOfEvents } from '#storage/streams/event-channel.ts';

/** After a commit others are told within this time; all commits of that time share one NOTIFY. */
const COALESCE_MS = 5;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

export type Notifier = AsyncDisposable & {
  /** Tells the other processes that everything up to this position is committed. Nothing is promised: a poll is the net. */
  announce(pos: number): void;
};

type Parts = {
  readonly database: Pick<Database, 'dedicatedClient'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Another process has committed up to this position; undefined after a pause in which messages may have been missed. */
  readonly onNews: (pos: number | undefined) => void;
};

/** Connects in the background, again and again if it must; the database being away is never an error to the caller. */
export function openNotifier(parts: Parts): Notifier {
  const { database, clock, logger, onNews } = parts;
  const processId = randomToken(9);
  let client: Client | undefined;
  let failures = 0;
  let closed = false;
  let announced: number | undefined;
  let lastNotifyMs = -Infinity;
  let notifyTimer: NodeJS.Timeout | undefined;
  let reconnectTimer: NodeJS.Timeout | undefined;
  let connecting: Promise<void> = Promise.resolve();

  const lose = (lost: Client, error: unknown): void => {
    lost.removeAllListeners('notification');
    if (client === lost) client = undefined;
    lost.end().catch(() => undefined);
    if (closed || reconnectTimer !== undefined) return;
    failures += 1;
    const delayMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** (failures - 1));
    if (failures === 1) logger.warn({ err: error }, 'connection for wake-ups lost; polling until it is back');
    reconnectTimer = setTimeout(() => {
      reconnectTimer = undefined;
      connecting = connect();
    }, delayMs).unref();
  };

  const connect = async (): Promise<void> => {
    const fresh = database.dedicatedClient({ application_name: 'causeway wake-ups' });
    fresh.on('error', (error) => lose(fresh, error));
    fresh.on('end', () => {
      if (client === fresh) lose(fresh, undefined);
    });
    fresh.on('notification', ({ channel, payload }) => {
      const [sender, pos] = (payload ?? '').split('.');
      if (channel === eventChannel && sender !== processId) onNews(Number(pos));
    });
    try {
      await fresh.connect();
      await listenForEvents(fresh);
    } catch (error) {
      lose(fresh, error);
      return;
    }
    if (closed) return void (await fresh.end());
    client = fresh;
    failures = 0;
    onNews(undefined);
  };

  const notify = (): void => {
    notifyTimer = undefined;
    if (client === undefined || announced === undefined) return;
    lastNotifyMs = clock.monotonicMs();
    const target = client;
    notifyOfEvents(target, `${processId}.${announced}`).catch((error: unknown) => lose(target, error));
    announced = undefined;
  };

  connecting = connect();
  return {
    announce(pos) {
      announced = pos;
      if (closed || notifyTimer !== undefined) return;
      const waitMs = lastNotifyMs + COALESCE_MS - clock.monotonicMs();
      if (waitMs <= 0) notify();
      else notifyTimer = setTimeout(notify, Math.ceil(waitMs));
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(notifyTimer);
      clearTimeout(reconnectTimer);
      await connecting;
      const open = client;
      client = undefined;
      await open?.end().catch(() => undefined);
    },
  };
}
