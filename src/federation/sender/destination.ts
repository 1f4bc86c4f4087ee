/** Owns the sending to one server: one transaction at a time, written down before it leaves, until it is acknowledged. */
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { randomToken } from '#core/random.ts';
import type { Turns } from '#core/turns.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import { RemoteRefusal } from '#federation/remote-errors.ts';
import type { DurableEdus } from '#federation/sender/edu-source.ts';
import { MissedRooms } from '#federation/sender/missed-rooms.ts';
import type { OutboxWrite, WriteOutbox } from '#federation/sender/outbox.ts';
import { Reachability } from '#federation/sender/reachability.ts';
import type { RoutedEvent } from '#federation/sender/route-events.ts';
import { EDUS_BYTES_MAX, EDUS_MAX, PDUS_MAX, takeFitting, transactionText } from '#federation/sender/transaction.ts';
import type { StateParts } from '#federation/sender/servers-at.ts';
import type { Database } from '#storage/database.ts';
import { findDestination, type DestinationPositions } from '#storage/federation/find-outbox.ts';
import type { MissedRoom } from '#storage/federation/write-outbox.ts';
import { findTransactionBody, receiverKinds } from '#storage/outgoing-transactions.ts';

export type SenderLimits = {
  /** For the answer to a transaction, once it has been carried there. */
  readonly sendTimeoutMs: number;
  /** Of the events in a transaction. */
  readonly transactionBytesMax: number;
  /** Of a server that missed more of a room, only the newest event is sent. */
  readonly catchUpEventsMax: number;
  /** Between two attempts to reach a server. */
  readonly retryMsMax: number;
};

export type SendOutcome = 'sent' | 'refused' | 'unreachable' | 'given_up';

export type DestinationParts = {
  readonly database: Database;
  readonly tries: StateParts['tries'];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly client: FederationClient;
  /** Our name. */
  readonly origin: string;
  readonly limits: SenderLimits;
  readonly durableEdus: readonly DurableEdus[];
  readonly writeOutbox: WriteOutbox;
  /** How many transactions are under way at a time, and how many to servers that did not answer last time. */
  readonly turns: { readonly healthy: Turns; readonly failing: Turns };
  /** Up to where the stream has been handed to destinations. */
  readonly routedPos: () => number;
  readonly signal: AbortSignal;
  readonly note: (outcome: SendOutcome, eventCount: number) => void;
  /** Nobody knows what the database has: all is to be read anew. */
  readonly broke: (error: unknown) => void;
};

/** What is in the database of a server when its sending is taken over. */
export type StoredDestination = {
  readonly pendingTxnIds: readonly string[];
  readonly missed: ReadonlyMap<number, number> | undefined;
  /** In milliseconds since 1970, for a server that was not reached last time. */
  readonly failingSince: number | undefined;
};

type Queued = Pick<RoutedEvent, 'pos' | 'roomNid' | 'roomOrder' | 'json'> & { readonly sinceMs: number };
type Pending = { readonly txnId: string; readonly body: string | undefined; readonly eventCount: number };

/** More events than these wait in the database. */
const QUEUE_MAX = 500;
/** Events that have waited for so long are left to the database, so that the stream can be read on. */
const QUEUE_MS_MAX = 5_000;
const PASSING_MAX = 300;
/** For so long a server is remembered that is sent nothing. */
const IDLE_MS = 60_000;
const ANSWER_BYTES_MAX = 1024 * 1024;
/** A link that carries less is as good as none. */
const SLOWEST_BYTES_PER_MS = 8;
/** After so many attempts a transaction that a server calls wrong is given up: it would hold up all that follow. */
const WRONG_ATTEMPTS_MAX = 5;

export class Destination {
  readonly name: string;
  readonly #parts: DestinationParts;
  readonly #waitingEdus = new Set<DurableEdus>();
  readonly #passing = new Map<string, string>();
  readonly #pending: Pending[];
  readonly #reachability: Reachability;
  #queue: Queued[] = [];
  #missed: MissedRooms | undefined;
  #positions: DestinationPositions | undefined;
  #acknowledged: string | undefined;
  #isRunning = false;
  #isForming = false;
  #isWokenAgain = false;
  /** When it last had something to do. */
  #usedAtMs: number;

  constructor(parts: DestinationParts, name: string, stored?: StoredDestination) {
    this.#parts = parts;
    this.name = name;
    this.#pending = (stored?.pendingTxnIds ?? []).map((txnId) => ({ txnId, body: undefined, eventCount: 0 }));
    if (stored?.missed !== undefined) this.#missed = new MissedRooms(parts, name, stored.missed);
    this.#reachability = new Reachability(parts.clock, parts.limits.retryMsMax, stored?.failingSince);
    this.#usedAtMs = parts.clock.monotonicMs();
  }

  get isFailing(): boolean {
    return this.#reachability.failures > 0;
  }

  get isBehind(): boolean {
    return this.#missed !== undefined;
  }

  /** Whether nothing would be lost with it, and it has been so for a while. */
  get isIdle(): boolean {
    if (this.#parts.clock.monotonicMs() - this.#usedAtMs < IDLE_MS) return false;
    const hasWork = this.#queue.length + this.#pending.length + this.#passing.size + this.#waitingEdus.size > 0;
    return !hasWork && !this.#isRunning && this.#missed === undefined && !this.isFailing;
  }

  /** The position of the oldest event that only this process's memory has for the server. */
  get oldestPos(): number | undefined {
    return this.#queue[0]?.pos;
  }

  add(event: RoutedEvent): void {
    if (this.#missed !== undefined) this.#missed.note(event.roomNid, event.roomOrder);
    else {
      const { pos, roomNid, roomOrder, json } = event;
      this.#queue.push({ pos, roomNid, roomOrder, json, sinceMs: this.#parts.clock.monotonicMs() });
    }
  }

  addEdus(source: DurableEdus): void {
    this.#waitingEdus.add(source);
  }

  /** A server that is not reached, or has events to catch up with, is not told what has passed by then. */
  addPassing(key: string, edu: string): void {
    if (this.isFailing || this.isBehind) return;
    this.#passing.delete(key);
    this.#passing.set(key, edu);
    const [oldest] = this.#passing.keys();
    if (this.#passing.size > PASSING_MAX && oldest !== undefined) this.#passing.delete(oldest);
  }

  /** Leaves to the database what has waited too long or is too much; gives what the database does not know yet. */
  settle(): MissedRoom[] {
    const [oldest] = this.#queue;
    const isLate = oldest !== undefined && this.#parts.clock.monotonicMs() - oldest.sinceMs > QUEUE_MS_MAX;
    if (isLate || this.#queue.length > QUEUE_MAX || this.isFailing) this.#leaveToDatabase();
    return this.#missed?.takeUnwritten() ?? [];
  }

  #leaveToDatabase(): void {
    // What is just being written down is on its way.
    if (this.#isForming || this.#queue.length === 0) return;
    this.#missed ??= new MissedRooms(this.#parts, this.name, new Map());
    for (const { roomNid, roomOrder } of this.#queue) this.#missed.note(roomNid, roomOrder);
    this.#queue = [];
  }

  /** Sends what there is, unless the server is given time. */
  wake(): void {
    if (this.#isRunning) this.#isWokenAgain = true;
    else if (this.#reachability.mayTry) void this.#run();
  }

  /** The server has been heard of, so that it is tried at once, if it was not just now. */
  retry(): void {
    if (!this.isFailing) return;
    this.#reachability.heard();
    this.wake();
  }

  async #run(): Promise<void> {
    this.#isRunning = true;
    this.#usedAtMs = this.#parts.clock.monotonicMs();
    try {
      do this.#isWokenAgain = false;
      while ((await this.#sendAll()) && this.#isWokenAgain);
    } catch (error) {
      if (!this.#parts.signal.aborted) this.#parts.broke(error);
    } finally {
      this.#isRunning = false;
    }
  }

  /** False when the server was not reached. */
  async #sendAll(): Promise<boolean> {
    while (!this.#parts.signal.aborted) {
      const pending = this.#pending[0] ?? (await this.#form());
      if (pending === undefined) break;
      if (!(await this.#send(pending))) return false;
      this.#pending.shift();
      this.#acknowledged = pending.txnId;
      // With the next transaction, if there is one.
      if (this.#pending.length > 0) await this.#write({});
    }
    if (this.#acknowledged !== undefined) await this.#write({});
    return true;
  }

  async #write(write: Omit<OutboxWrite, 'acknowledged'>): Promise<void> {
    const txnId = this.#acknowledged;
    this.#acknowledged = undefined;
    const acknowledged = txnId === undefined ? undefined : { receiver: this.name, txnId };
    await this.#parts.writeOutbox({ ...write, acknowledged });
  }

  /** Writes down the next transaction, if there is anything to send. */
  async #form(): Promise<Pending | undefined> {
    this.#isForming = true;
    try {
      const { database, limits, origin, clock } = this.#parts;
      this.#positions ??= await findDestination(database, this.name);
      const positions = { ...this.#positions };
      // Chosen first: an event that comes meanwhile may need what is asked for only after it.
      const queued = takeFitting(this.#queue, ({ json }) => json, {
        countMax: PDUS_MAX,
        bytesMax: limits.transactionBytesMax,
      });
      const missed = await this.#missed?.take(limits.transactionBytesMax, limits.catchUpEventsMax);
      const edus = await this.#takeDurable(positions);
      const passing = this.#takePassing(edus);
      const pdus = missed?.pdus ?? queued.map(({ json }) => json);
      const isCaughtUp = this.#missed !== undefined && pdus.length === 0 && !this.#missed.hasNews;
      // From here to the end of the write nothing is added to what is caught up with.
      if (isCaughtUp) {
        this.#missed = undefined;
        positions.events = Math.max(positions.events, this.#parts.routedPos());
      }
      const isEmpty = pdus.length + edus.length + passing.length === 0;
      if (isEmpty && !isCaughtUp && (missed?.moves.length ?? 0) === 0) return undefined;
      positions.events = queued.at(-1)?.pos ?? positions.events;
      const txnId = randomToken(12);
      const body = transactionText({ origin, now: clock.now() }, pdus, [...edus, ...passing.map(([, edu]) => edu)]);
      await this.#write({
        formed: isEmpty ? undefined : { receiver: this.name, txnId, body },
        positions: { serverName: this.name, ...positions },
        missed: missed?.moves ?? [],
        caughtUp: isCaughtUp ? this.name : undefined,
      });
      this.#positions = positions;
      this.#missed?.moved(missed?.moves ?? []);
      this.#queue.splice(0, queued.length);
      for (const [key, edu] of passing) if (this.#passing.get(key) === edu) this.#passing.delete(key);
      if (isEmpty) {
        this.#isWokenAgain = true;
        return undefined;
      }
      const pending = { txnId, body, eventCount: pdus.length };
      this.#pending.push(pending);
      return pending;
    } finally {
      this.#isForming = false;
    }
  }

  /** Moves the positions to what it gives. */
  async #takeDurable(positions: { -readonly [Key in keyof DestinationPositions]: number }): Promise<string[]> {
    const edus: string[] = [];
    let bytes = 0;
    for (const source of [...this.#waitingEdus]) {
      const bound = { countMax: EDUS_MAX - edus.length, bytesMax: EDUS_BYTES_MAX - bytes };
      if (bound.countMax <= 0 || bound.bytesMax <= 0) break;
      // Before it is asked: what comes meanwhile is news again.
      this.#waitingEdus.delete(source);
      const page = await source.findEdus(this.name, positions[source.position], bound);
      if (page.hasMore) this.#waitingEdus.add(source);
      positions[source.position] = Math.max(positions[source.position], page.upTo);
      edus.push(...page.edus);
      bytes += page.edus.reduce((sum, edu) => sum + edu.length, 0);
    }
    return edus;
  }

  #takePassing(edus: readonly string[]): [key: string, edu: string][] {
    const bytes = edus.reduce((sum, edu) => sum + edu.length, 0);
    const bound = { countMax: EDUS_MAX - edus.length, bytesMax: EDUS_BYTES_MAX - bytes };
    return bound.bytesMax <= 0 ? [] : takeFitting([...this.#passing], ([, edu]) => edu, bound);
  }

  /** True when the transaction is done with: acknowledged, or given up. */
  async #send({ txnId, body, eventCount }: Pending): Promise<boolean> {
    const { database, client, limits, turns, signal, note } = this.#parts;
    const text = body ?? (await findTransactionBody(database, receiverKinds.server, this.name, txnId));
    // It has become too old to be sent.
    if (text === undefined) return true;
    const path = `/_matrix/federation/v1/send/${encodeURIComponent(txnId)}`;
    this.#reachability.attempted();
    // It is repeated as it is: a server that is merely slow to take it would never have it.
    const timeoutMs = Math.ceil(limits.sendTimeoutMs + Buffer.byteLength(text) / SLOWEST_BYTES_PER_MS);
    const limited = { timeoutMs, bytesMax: ANSWER_BYTES_MAX, signal };
    try {
      await (this.isFailing || this.isBehind ? turns.failing : turns.healthy).run(() =>
        client.request(this.name, { method: 'PUT', path, body: text, whileBackingOff: true, ...limited }),
      );
    } catch (error) {
      if (signal.aborted) return false;
      return this.#fail(error);
    }
    note('sent', eventCount);
    if (this.isFailing) {
      this.#parts.logger.info({ server: this.name }, 'a server is reached again');
      await this.#endFailing();
    }
    return true;
  }

  /** Specification: "Transactions": the same one is repeated until it is acknowledged. */
  async #fail(error: unknown): Promise<boolean> {
    const { logger, note, writeOutbox } = this.#parts;
    const isWrong = error instanceof RemoteRefusal && (error.status === 400 || error.status === 413);
    const failed = this.#reachability.failed();
    if (isWrong && this.#reachability.failures >= WRONG_ATTEMPTS_MAX) {
      logger.warn({ err: error, server: this.name }, 'a server calls a transaction wrong, and is not sent it any more');
      note('given_up', 0);
      await this.#endFailing();
      return true;
    }
    if (this.#reachability.failures === 1) {
      logger.info({ err: error, server: this.name }, 'a server was not reached; what it misses is kept for it');
    }
    note(error instanceof RemoteRefusal ? 'refused' : 'unreachable', 0);
    this.#passing.clear();
    this.#leaveToDatabase();
    await writeOutbox({ failing: { serverName: this.name, ...failed } });
    return false;
  }

  async #endFailing(): Promise<void> {
    this.#reachability.reached();
    await this.#parts.writeOutbox({ reached: this.name });
  }
}
