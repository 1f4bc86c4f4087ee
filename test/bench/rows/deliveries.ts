/** Owns the book of one delivery row: when each message left, when it came out of the waiting /sync, how often. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchContext } from '#test/bench/context.ts';
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import type { Recorder } from '#test/bench/recorder.ts';

const longPoll = { timeout: '30000' };

export class Deliveries {
  readonly count: number;
  readonly #sentAtMs: Float64Array;
  readonly #latencyMs: Float64Array;
  readonly #received: Uint8Array;
  readonly #abandoned = new Set<number>();
  #limited = 0;
  #lastReceivedMs = 0;

  constructor(count: number) {
    this.count = count;
    this.#sentAtMs = new Float64Array(count);
    this.#latencyMs = new Float64Array(count);
    this.#received = new Uint8Array(count);
  }

  /** Message `number` is due now. */
  sent(number: number): void {
    this.#sentAtMs[number] = performance.now();
  }

  /** A message that failed or was never sent: it may arrive or not. */
  abandon(number: number): void {
    this.#abandoned.add(number);
  }

  received(number: number, atMs: number): void {
    if (this.#received[number] === 0) this.#latencyMs[number] = atMs - (this.#sentAtMs[number] ?? 0);
    this.#received[number] = (this.#received[number] ?? 0) + 1;
    this.#lastReceivedMs = atMs;
  }

  /** Starts the long polls of one receiver; `stop` ends them, also one that waits. */
  async startReceiver(
    room: { roomId: string; receiver: MatrixClient },
    context: BenchContext,
    recorder: Recorder,
  ): Promise<{ stop(): Promise<void> }> {
    const first = await room.receiver.sync({ timeout: '0' });
    const client = room.receiver.on(context.connect());
    const stopping = new AbortController();
    const poll = async (): Promise<void> => {
      for (let since = first.next_batch; !stopping.signal.aborted;) {
        try {
          const answer = await client.sync({ ...longPoll, since });
          since = answer.next_batch;
          this.#take(answer.rooms?.join?.[room.roomId]?.timeline, performance.now());
        } catch (error) {
          if (stopping.signal.aborted || context.signal.aborted) return;
          recorder.fail(error);
          if (recorder.failed >= 100) return;
        }
      }
    };
    const polling = poll();
    return {
      stop: async () => {
        stopping.abort();
        client.connection[Symbol.dispose]();
        await polling;
      },
    };
  }

  /** Waits until everything has arrived that was acknowledged, or nothing more came for `silenceMs`. */
  async settle(silenceMs: number, signal: AbortSignal): Promise<void> {
    this.#lastReceivedMs = performance.now();
    while (this.#missing() > 0 && performance.now() - this.#lastReceivedMs < silenceMs && !signal.aborted) {
      await sleep(10);
    }
  }

  /** From send to sync response, of all messages from `first` on that arrived. */
  latenciesMs(first: number): number[] {
    return [...this.#latencyMs].filter((_, number) => number >= first && this.#received[number] !== 0);
  }

  faults(): string[] {
    const doubled = this.#received.reduce((sum, times) => sum + (times > 1 ? 1 : 0), 0);
    const faults = doubled > 0 ? [`${doubled} of ${this.count} messages came more than once through /sync`] : [];
    // A server may cut a timeline short when too much is waiting, and says so.
    const missing = this.#limited > 0 ? 0 : this.#missing();
    return missing > 0 ? [...faults, `${missing} of ${this.count} messages never came through /sync`] : faults;
  }

  notes(): string[] {
    if (this.#limited === 0) return [];
    return [`${this.#limited} sync responses were limited, ${this.#missing()} messages not delivered by them`];
  }

  #take(
    timeline: { events?: { content: Record<string, unknown> }[]; limited?: boolean } | undefined,
    atMs: number,
  ): void {
    if (timeline?.limited === true) this.#limited += 1;
    for (const { content } of timeline?.events ?? []) {
      if (typeof content['number'] === 'number') this.received(content['number'], atMs);
    }
  }

  #missing(): number {
    return this.#received.reduce(
      (sum, times, number) => sum + (times === 0 && !this.#abandoned.has(number) ? 1 : 0),
      0,
    );
  }
}
