/** Owns the sending of messages when they are due, whether or not the earlier ones are answered. */
import type { MatrixClient } from '#test/bench/matrix-client.ts';
import type { Recorder } from '#test/bench/recorder.ts';
import type { Deliveries } from '#test/bench/rows/deliveries.ts';
import { messageContent } from '#test/bench/rows/send-load.ts';

export class PacedSender {
  readonly roomId: string;
  readonly acknowledged: string[] = [];
  readonly #deliveries: Deliveries;
  readonly #recorder: Recorder;
  readonly #idle: MatrixClient[];
  readonly #backlog: number[] = [];
  readonly #sending = new Set<Promise<void>>();

  /** `clients` are one user on several connections: as many messages can be under way. */
  constructor(roomId: string, clients: readonly MatrixClient[], deliveries: Deliveries, recorder: Recorder) {
    this.roomId = roomId;
    this.#deliveries = deliveries;
    this.#recorder = recorder;
    this.#idle = [...clients];
  }

  /** Sends message `number` now, or as soon as a connection is free; its latency counts from now. */
  due(number: number): void {
    this.#deliveries.sent(number);
    const client = this.#idle.pop();
    if (client === undefined) {
      this.#backlog.push(number);
      return;
    }
    const sending = this.#sendFrom(client, number).finally(() => this.#sending.delete(sending));
    this.#sending.add(sending);
  }

  /** Gives up what was due and not sent, and waits for what is under way; returns how many were given up. */
  async finish(): Promise<number> {
    const abandoned = this.#backlog.splice(0);
    for (const number of abandoned) this.#deliveries.abandon(number);
    await Promise.all(this.#sending);
    return abandoned.length;
  }

  async #sendFrom(client: MatrixClient, first: number): Promise<void> {
    for (let number: number | undefined = first; number !== undefined; number = this.#backlog.shift()) {
      try {
        this.acknowledged.push(await client.send(this.roomId, messageContent(number)));
      } catch (error) {
        this.#recorder.fail(error);
        this.#deliveries.abandon(number);
      }
    }
    this.#idle.push(client);
  }
}
