/** Owns knowing which rooms lack members still, and waiting until they do no more. */
import type { Config } from '#config/schema.ts';
import type { Logger } from '#core/logger.ts';
import { singleFlight } from '#core/single-flight.ts';
import { UnknownMembersError } from '#rooms/persist/unknown-members.ts';
import type { ReadTx } from '#storage/database.ts';
import { findPartialRooms } from '#storage/rooms/partial-rooms.ts';
import type { Streams } from '#streams/streams.ts';

type Parts = {
  readonly database: ReadTx;
  readonly streams: Pick<Streams, 'userData' | 'watch'>;
  readonly warn: (error: unknown) => void;
  /** How long whoever needs all members waits for them, in milliseconds. */
  readonly waitMsMax: number;
};

/** The completion itself is told by the stream; this is for a room that is given up. */
const LOOK_MS = 1_000;

/** For a server with this configuration. */
export function openPartialRooms({
  database,
  streams,
  logger,
  config,
}: Pick<Parts, 'database' | 'streams'> & {
  readonly logger: Logger;
  readonly config: Pick<Config, 'federation'>;
}): PartialRooms {
  const warn = (error: unknown): void => logger.warn({ err: error }, 'which rooms are complete could not be read');
  return new PartialRooms({ database, streams, warn, waitMsMax: config.federation.membersWaitMs });
}

/** One per process. What is so is in the database alone, as any process may enter a room or complete one. */
export class PartialRooms implements Disposable {
  readonly #parts: Parts;
  readonly #waiting = new Map<number, Set<() => void>>();
  readonly #watch: Disposable;
  readonly #look = singleFlight(() => this.#wakeComplete());
  #timer: NodeJS.Timeout | undefined;
  /** How far the stream that tells completions has been looked at. */
  #seen: number;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#seen = parts.streams.userData.horizon;
    this.#watch = parts.streams.watch(() => this.#noteNews());
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
    clearInterval(this.#timer);
  }

  /** Whether the room's state lacks members: one look at a table that is nearly always empty. */
  async isPartial(roomNid: number): Promise<boolean> {
    return (await findPartialRooms(this.#parts.database, [roomNid])).has(roomNid);
  }

  /**
   * Resolves when the room's state is complete, or is fetched no more since nobody of this server is in the room; at once for
   * all other rooms. Throws M_UNKNOWN with status 504 when that takes too long; an abort ends the waiting, too, and throws its reason.
   */
  async whenComplete(roomNid: number, signal?: AbortSignal): Promise<void> {
    if (!(await this.isPartial(roomNid))) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiters = this.#waiting.get(roomNid) ?? new Set();
    this.#waiting.set(roomNid, waiters.add(resolve));
    this.#timer ??= setInterval(() => this.#lookNow(), LOOK_MS).unref();
    const tooLate = setTimeout(() => reject(new UnknownMembersError(roomNid)), this.#parts.waitMsMax);
    const abort = (): void => reject(signal?.reason);
    signal?.addEventListener('abort', abort, { once: true });
    if (signal?.aborted === true) abort();
    // It may have been completed between the question and now.
    this.#lookNow();
    try {
      await promise;
    } finally {
      clearTimeout(tooLate);
      signal?.removeEventListener('abort', abort);
      waiters.delete(resolve);
      if (waiters.size === 0 && this.#waiting.get(roomNid) === waiters) this.#waiting.delete(roomNid);
      if (this.#waiting.size === 0) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      }
    }
  }

  #noteNews(): void {
    const { userData } = this.#parts.streams;
    const after = this.#seen;
    if (userData.horizon <= after) return;
    this.#seen = userData.horizon;
    if (this.#waiting.size === 0) return;
    if (userData.since(after)?.some(({ kind }) => kind === 'completedRooms') ?? true) this.#lookNow();
  }

  #lookNow(): void {
    this.#look().catch(this.#parts.warn);
  }

  async #wakeComplete(): Promise<void> {
    const asked = [...this.#waiting.keys()];
    const partial = await findPartialRooms(this.#parts.database, asked);
    for (const roomNid of asked) {
      if (!partial.has(roomNid)) for (const resolve of this.#waiting.get(roomNid) ?? []) resolve();
    }
  }
}
