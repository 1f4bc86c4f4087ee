/**
 * Owns sending to other servers: one process at a time does it, under a lease; another takes over where it stopped.
 *
 * What is to be sent is the event stream itself, read by a cursor. Of a server that is reached nothing is written but the
 * transaction under way; of one that is not, the rooms whose events it misses, once each.
 */
import { BoundedMap } from '#core/bounded-map.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import { Turns } from '#core/turns.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import type { DurableEdus, PassingEdus } from '#federation/sender/edu-source.ts';
import type { SenderLimits, SendOutcome } from '#federation/sender/destination.ts';
import { createOutbox } from '#federation/sender/outbox.ts';
import { passingEdus } from '#federation/sender/passing-edus.ts';
import { RemoteServers } from '#federation/sender/remote-servers.ts';
import type { StateParts } from '#federation/sender/servers-at.ts';
import { SendingTerm, type TermParts } from '#federation/sender/sending-term.ts';
import { persistHeard } from '#storage/federation/failing-servers.ts';
import type { Database } from '#storage/database.ts';
import { LeaseHolder } from '#storage/lease-holder.ts';
import type { Streams } from '#streams/streams.ts';

const leaseTimes = { leaseMs: 10_000, renewMs: 3_000 };
/** How often a process that does not send looks whether it is to. */
const POLL_MS = 1_000;
/** How often is noted how far everything is. */
const SETTLE_MS = 500;
/** Between two looks at the streams: what comes meanwhile goes together. */
const GATHER_MS = 5;
const FAILURE_REST_MS = 1_000;
/** How often the process that sends is told that a server was heard of, and of how many servers that is remembered. */
const TOLD_MS = 2_000;
const TOLD_MAX = 10_000;
/** So many servers that are not reached are tried at a time; each may take as long as an answer may. */
const FAILING_TURNS = 20;

export type SenderParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly streams: Pick<Streams, 'events' | 'userData' | 'ephemeral' | 'watch'>;
  readonly tries: StateParts['tries'];
  readonly isLocal: (id: string) => boolean;
  readonly origin: string;
  readonly client: FederationClient;
  readonly limits: SenderLimits & { readonly sendsMax: number };
  /** Besides typing, receipts and presence, which the sender knows itself. */
  readonly durableEdus: readonly DurableEdus[];
};

/** What this process has to say of the servers to which it sends; nothing while another process does. */
export type SenderStatus = {
  readonly destinationCount: number;
  readonly failingCount: number;
  /** Those that have missed events and are not reached, or are catching up. */
  readonly behindCount: number;
  readonly outcomes: Readonly<Record<SendOutcome, number>>;
  readonly eventCount: number;
  /** How many positions of the stream are still to be read. */
  readonly lag: number;
};

export class FederationSender implements AsyncDisposable {
  readonly #parts: SenderParts;
  readonly #lease: LeaseHolder;
  readonly #term: TermParts;
  readonly #running: Promise<void>;
  readonly #watch: Disposable;
  readonly #outcomes: Record<SendOutcome, number> = { sent: 0, refused: 0, unreachable: 0, given_up: 0 };
  readonly #toldAtMs = new BoundedMap<string, number>({ sizeMax: TOLD_MAX });
  #eventCount = 0;
  #current: SendingTerm | undefined;
  #settleAtMs = -Infinity;
  #hasNews = false;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(parts: SenderParts) {
    const { database, limits, streams } = parts;
    const lease = new LeaseHolder(parts, { kind: 'federation_sender', shard: '0' }, leaseTimes);
    const remoteServers = new RemoteServers(parts);
    const passing: PassingEdus[] = passingEdus({ ...parts, remoteServers });
    this.#parts = parts;
    this.#lease = lease;
    this.#term = {
      ...parts,
      database,
      events: streams.events,
      remoteServers,
      passingEdus: passing,
      writeOutbox: createOutbox({ ...parts, isOwner: () => lease.isOwner }),
      turns: { healthy: new Turns(limits.sendsMax), failing: new Turns(FAILING_TURNS) },
      note: (outcome, eventCount) => {
        this.#outcomes[outcome] += 1;
        this.#eventCount += eventCount;
      },
    };
    this.#watch = streams.watch(() => this.#noteNews());
    this.#running = this.#run();
  }

  get status(): SenderStatus {
    const destinations = [...(this.#current?.destinations ?? [])];
    return {
      destinationCount: destinations.length,
      failingCount: destinations.filter(({ isFailing }) => isFailing).length,
      behindCount: destinations.filter(({ isBehind }) => isBehind).length,
      outcomes: this.#outcomes,
      eventCount: this.#eventCount,
      lag: this.#current === undefined ? 0 : this.#parts.streams.events.horizon - this.#current.position,
    };
  }

  /** A server was heard of: if it was given time, it is tried at once. */
  heard(serverName: string): void {
    if (this.#current !== undefined) this.#current.retry(serverName);
    else this.#tellOthers(serverName);
  }

  /** The process that sends may be another. */
  #tellOthers(serverName: string): void {
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs - (this.#toldAtMs.get(serverName) ?? -Infinity) < TOLD_MS) return;
    this.#toldAtMs.set(serverName, nowMs);
    persistHeard(this.#parts.database, serverName).catch((error: unknown) => {
      this.#parts.logger.warn({ err: error }, 'that a server was heard of could not be noted');
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#watch[Symbol.dispose]();
    this.#wake?.();
    await this.#running;
    await this.#lease.end();
  }

  #noteNews(): void {
    this.#hasNews = true;
    if (this.#current !== undefined) this.#wake?.();
  }

  async #run(): Promise<void> {
    let hasFailed = false;
    while (!this.#isClosed) {
      try {
        await this.#turn();
        hasFailed = false;
      } catch (error) {
        if (!hasFailed) this.#parts.logger.warn({ err: error }, 'sending to other servers was interrupted; it goes on');
        hasFailed = true;
        this.#end();
        await this.#pause(FAILURE_REST_MS);
      }
    }
    await this.#current?.settle().catch(() => undefined);
    this.#end();
  }

  async #turn(): Promise<void> {
    const held = await this.#lease.hold();
    if (held === 'no') {
      this.#end();
      return this.#pause(POLL_MS);
    }
    if (held === 'anew' || this.#current === undefined) {
      this.#end();
      this.#current = await SendingTerm.open(this.#term);
    }
    this.#hasNews = false;
    await this.#current.readOn();
    const nowMs = this.#parts.clock.monotonicMs();
    if (nowMs >= this.#settleAtMs) {
      await this.#current.settle();
      this.#settleAtMs = nowMs + SETTLE_MS;
    }
    if (!this.#hasNews) await this.#pause(SETTLE_MS);
    if (!this.#isClosed) await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
  }

  #end(): void {
    this.#current?.[Symbol.dispose]();
    this.#current = undefined;
  }

  /** Until the time is over, or there are news. */
  async #pause(ms: number): Promise<void> {
    if (this.#isClosed) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, ms);
    this.#wake = resolve;
    await promise;
    clearTimeout(timer);
    this.#wake = undefined;
  }
}
