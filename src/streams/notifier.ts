/** Owns the wake-ups between the processes of one server: LISTEN and NOTIFY on a connection of their own. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { randomToken } from '#core/random.ts';
import type { Database } from '#storage/database.ts';
import { listenForEvents, notifyOfEvents, type ChannelClient } from '#storage/streams/event-channel.ts';
import { mapPositions, type StreamPositions } from '#streams/sync-token.ts';

/** After a commit others are told within this time; all commits of that time share one NOTIFY. */
const COALESCE_MS = 5;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;

const nothing: StreamPositions = [0, 0, 0, 0, 0];

type Parts = {
  readonly database: Pick<Database, 'dedicatedClient'>;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Another process has committed up to these positions, in the order of sync tokens, 0 where it has nothing to tell;
   * undefined after a pause in which messages may have been missed.
   */
  readonly onNews: (positions: readonly number[] | undefined) => void;
};

/** Connects in the background, again and again if it must; the database being away is never an error to the caller. */
export class Notifier implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #processId = randomToken(9);
  #client: ChannelClient | undefined;
  #connecting: Promise<void>;
  #failures = 0;
  #closed = false;
  #announced: StreamPositions = nothing;
  #lastNotifyMs = -Infinity;
  #notifyTimer: NodeJS.Timeout | undefined;
  #reconnectTimer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#connecting = this.#connect();
  }

  /** Tells the others that a stream is committed up to this position. Nothing is promised: a poll is the net. */
  announce(stream: number, upTo: number): void {
    this.#announced = mapPositions(this.#announced, (pos, index) => (index === stream ? Math.max(pos, upTo) : pos));
    if (this.#closed || this.#notifyTimer !== undefined) return;
    const waitMs = this.#lastNotifyMs + COALESCE_MS - this.#parts.clock.monotonicMs();
    if (waitMs <= 0) this.#notify();
    else this.#notifyTimer = setTimeout(() => this.#notify(), Math.ceil(waitMs));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#notifyTimer);
    clearTimeout(this.#reconnectTimer);
    await this.#connecting;
    const client = this.#client;
    this.#client = undefined;
    await client?.end().catch(() => undefined);
  }

  #notify(): void {
    this.#notifyTimer = undefined;
    const client = this.#client;
    if (client === undefined || this.#announced === nothing) return;
    this.#lastNotifyMs = this.#parts.clock.monotonicMs();
    notifyOfEvents(client, [this.#processId, ...this.#announced].join('.')).catch((error: unknown) =>
      this.#lose(client, error),
    );
    this.#announced = nothing;
  }

  async #connect(): Promise<void> {
    const client = this.#parts.database.dedicatedClient({ application_name: 'causeway wake-ups' });
    client.on('error', (error) => this.#lose(client, error));
    client.on('end', () => {
      if (this.#client === client) this.#lose(client, undefined);
    });
    client.on('notification', ({ payload }) => {
      const [sender, ...positions] = (payload ?? '').split('.');
      if (sender !== this.#processId) this.#parts.onNews(positions.map(Number));
    });
    try {
      await client.connect();
      await listenForEvents(client);
    } catch (error) {
      this.#lose(client, error);
      return;
    }
    if (this.#closed) {
      await client.end();
      return;
    }
    this.#client = client;
    this.#failures = 0;
    this.#parts.onNews(undefined);
  }

  /** An error and the end of a connection may both be told, hence the check for a reconnection that is due already. */
  #lose(client: ChannelClient, error: unknown): void {
    if (this.#client === client) this.#client = undefined;
    client.end().catch(() => undefined);
    if (this.#closed || this.#reconnectTimer !== undefined) return;
    if (this.#failures === 0) {
      this.#parts.logger.warn({ err: error }, 'connection for wake-ups lost; polling until it is back');
    }
    const delayMs = Math.min(RECONNECT_MS_MAX, RECONNECT_MS_MIN * 2 ** this.#failures);
    this.#failures += 1;
    this.#reconnectTimer = setTimeout(() => {
      this.#reconnectTimer = undefined;
      this.#connecting = this.#connect();
    }, delayMs).unref();
  }
}
