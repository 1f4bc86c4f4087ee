/** Owns the wake-ups between the processes of one server: what is told and heard, and the way back when it was lost. */
import { setTimeout as delay } from 'node:timers/promises';
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { randomToken } from '#core/random.ts';
import { mapPositions, type StreamPositions } from '#streams/sync-token.ts';
import type { Carrier, CarrierName, Channel } from '#streams/wake-ups/channel.ts';

/** After a commit others are told within this time; all commits of that time share one message. */
const COALESCE_MS = 5;
const RECONNECT_MS_MIN = 100;
const RECONNECT_MS_MAX = 5_000;
/** Every process is heard at least so often; where nobody was for a few times that, nobody is there. */
const GREET_MS = 30_000;
const GONE_MS = 100_000;
const PEERS_MAX = 1_000;
/** For so long a process that stops waits for its farewell to be taken. */
const FAREWELL_MS = 100;

const nothing: StreamPositions = [0, 0, 0, 0, 0];

type Parts = {
  readonly carrier: Carrier;
  readonly clock: Clock;
  readonly logger: Logger;
  /**
   * Another process has committed up to these positions, in the order of sync tokens, 0 where it has nothing to tell;
   * undefined after a pause in which messages may have been missed.
   */
  readonly onNews: (positions: readonly number[] | undefined) => void;
};

export type WakeUpStatus = {
  readonly carrier: CarrierName;
  readonly connected: boolean;
  /** When that began, in milliseconds since the Unix epoch. */
  readonly since: number;
  /** Why it is not connected; undefined too until the first attempt has failed. */
  readonly reason: string | undefined;
  /** Messages since the start of the process; `heard` counts those of other processes. */
  readonly sent: number;
  readonly heard: number;
};

/** Connects in the background, again and again if it must; the carrier being away is never an error to the caller. */
export class Notifier implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #processId = randomToken(9);
  readonly #closing = new AbortController();
  readonly #running: Promise<void>;
  #channel: Channel | undefined;
  #onLost: (error: unknown) => void = () => undefined;
  #state: Pick<WakeUpStatus, 'connected' | 'since' | 'reason'>;
  #counts = { sent: 0, heard: 0 };
  #announced: StreamPositions = nothing;
  /** The ids of other processes that were heard and did not say that they stop. */
  readonly #peers = new BoundedMap<string, true>({ sizeMax: PEERS_MAX });
  /** When any of them was heard last. */
  #heardAtMs = -Infinity;
  readonly #greetings: NodeJS.Timeout;
  /** Whether there is somebody who may not know of this process. */
  #mustGreet = false;
  #isPublishing = false;
  #lastPublishMs = -Infinity;
  #publishTimer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#state = { connected: false, since: parts.clock.now(), reason: undefined };
    this.#running = this.#run();
    this.#greetings = setInterval(() => this.#greet(), GREET_MS).unref();
  }

  get status(): WakeUpStatus {
    return { carrier: this.#parts.carrier.name, ...this.#state, ...this.#counts };
  }

  /**
   * Whether there is another process, which may have written what is not heard yet. Who connects greets, and is greeted by
   * all; who stops says so, and who dies is heard no more.
   */
  get hasPeers(): boolean {
    return this.#peers.count > 0 && this.#parts.clock.monotonicMs() - this.#heardAtMs < GONE_MS;
  }

  /** Tells the others that a stream is committed up to this position. Nothing is promised: a poll is the net. */
  announce(stream: number, upTo: number): void {
    this.#announced = mapPositions(this.#announced, (pos, index) => (index === stream ? Math.max(pos, upTo) : pos));
    this.#schedule();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#greetings);
    clearTimeout(this.#publishTimer);
    await this.#sayFarewell();
    this.#closing.abort();
    await this.#running;
  }

  /** One message is on its way at a time, so that a slow carrier gathers none. */
  #schedule(): void {
    const isReady = this.#channel !== undefined && !this.#isPublishing && this.#publishTimer === undefined;
    const isQuiet = this.#announced === nothing && !this.#mustGreet;
    if (!isReady || isQuiet || this.#closing.signal.aborted) return;
    const waitMs = this.#lastPublishMs + COALESCE_MS - this.#parts.clock.monotonicMs();
    if (waitMs > 0) this.#publishTimer = setTimeout(() => void this.#publish(), Math.ceil(waitMs));
    else void this.#publish();
  }

  async #publish(): Promise<void> {
    this.#publishTimer = undefined;
    const channel = this.#channel;
    if (channel === undefined) return;
    const text = [this.#processId, ...this.#announced].join('.');
    const isWakeUp = this.#announced !== nothing;
    this.#announced = nothing;
    this.#mustGreet = false;
    this.#isPublishing = true;
    this.#lastPublishMs = this.#parts.clock.monotonicMs();
    try {
      await channel.publish(text);
      if (isWakeUp) this.#counts.sent += 1;
    } catch (error) {
      if (this.#channel === channel) this.#onLost(error);
    }
    this.#isPublishing = false;
    this.#schedule();
  }

  #greet(): void {
    this.#mustGreet = true;
    this.#schedule();
  }

  async #sayFarewell(): Promise<void> {
    const channel = this.#channel;
    this.#channel = undefined;
    if (channel === undefined) return;
    // Whether it is heard or not: others find out.
    const told = channel.publish(this.#processId).catch(() => undefined);
    await Promise.race([told, delay(FAREWELL_MS, undefined, { ref: false })]);
  }

  #hear(text: string): void {
    const [sender, ...positions] = text.split('.');
    // Empty is what a channel says to itself; without positions, a farewell.
    if (sender === undefined || sender === '' || sender === this.#processId) return;
    if (positions.length === 0) {
      this.#peers.delete(sender);
      return;
    }
    if (!this.#peers.has(sender)) this.#greet();
    this.#peers.set(sender, true);
    this.#heardAtMs = this.#parts.clock.monotonicMs();
    const news = positions.map(Number);
    // A greeting has none.
    if (!news.some((pos) => pos > 0)) return;
    this.#counts.heard += 1;
    this.#parts.onNews(news);
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing;
    let delayMs = RECONNECT_MS_MIN;
    while (!signal.aborted) {
      const startedMs = this.#parts.clock.monotonicMs();
      await this.#connectUntilLost(signal);
      // What is lost as soon as it is there is not tried oftener than what is never there.
      const hasLasted = this.#parts.clock.monotonicMs() - startedMs > RECONNECT_MS_MAX;
      delayMs = hasLasted ? RECONNECT_MS_MIN : Math.min(RECONNECT_MS_MAX, 2 * delayMs);
      // Rejects when the notifier is closed.
      await delay(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
  }

  async #connectUntilLost(signal: AbortSignal): Promise<void> {
    const lost = Promise.withResolvers<unknown>();
    signal.addEventListener('abort', lost.resolve, { once: true });
    const onMessage = (text: string): void => this.#hear(text);
    let error: unknown;
    try {
      await using channel = await this.#parts.carrier.open({ onMessage, onLost: lost.resolve, signal });
      this.#onLost = lost.resolve;
      this.#begin(channel);
      error = await lost.promise;
      this.#channel = undefined;
    } catch (refusal) {
      error = refusal;
    }
    signal.removeEventListener('abort', lost.resolve);
    if (!signal.aborted) this.#end(error);
  }

  #begin(channel: Channel): void {
    const { carrier, clock, logger, onNews } = this.#parts;
    const wasLost = this.#state.reason !== undefined;
    this.#channel = channel;
    this.#state = { connected: true, since: clock.now(), reason: undefined };
    if (wasLost) logger.info({ carrier: carrier.name }, 'wake-ups of other processes are back');
    onNews(undefined);
    this.#greet();
  }

  /** Logged when it begins; each further attempt changes the reason at most. */
  #end(error: unknown): void {
    const { carrier, clock, logger } = this.#parts;
    const isNew = this.#state.connected || this.#state.reason === undefined;
    const reason = reasonOf(error);
    this.#state = { connected: false, since: isNew ? clock.now() : this.#state.since, reason };
    if (!isNew) return;
    logger.warn(
      // Not the error itself, which may carry the command that failed, and that one a password.
      { carrier: carrier.name, reason },
      'wake-ups of other processes are lost; looking often until they are back',
    );
  }
}

/** The error of a name with several addresses has no message of its own. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message === '' && 'code' in error ? String(error.code) : error.message;
}
