/** Owns the sending to all servers while it is this process's: reading the stream and handing on what is read. */
import type { Destination as DestinationState } from '#federation/sender/destination.ts';
import { Destination, type DestinationParts, type StoredDestination } from '#federation/sender/destination.ts';
import type { DurableEdus, PassingEdus } from '#federation/sender/edu-source.ts';
import { cursorName } from '#federation/sender/outbox.ts';
import type { RemoteServers } from '#federation/sender/remote-servers.ts';
import { routeEvents, type RoutableEvent, type RoutedEvent } from '#federation/sender/route-events.ts';
import { findFailing, findHeard } from '#storage/federation/failing-servers.ts';
import { findDestinationsAhead, findMissedRooms } from '#storage/federation/find-outbox.ts';
import { findPendingTransactions, receiverKinds } from '#storage/outgoing-transactions.ts';
import { findStreamedEvents } from '#storage/rooms/find-outgoing-events.ts';
import { findCursor } from '#storage/stream-cursors.ts';
import type { EventStream } from '#streams/event-stream.ts';

const EVENTS_OF_STEP_MAX = 1_000;
const HEARD_MAX = 100;

export type TermParts = Omit<DestinationParts, 'routedPos' | 'signal' | 'broke'> & {
  readonly isLocal: (id: string) => boolean;
  readonly events: Pick<EventStream, 'horizon' | 'since' | 'forgottenCount'>;
  readonly remoteServers: RemoteServers;
  readonly passingEdus: readonly PassingEdus[];
};

export class SendingTerm implements Disposable {
  readonly #parts: TermParts;
  readonly #destinations = new Map<string, Destination>();
  readonly #closing = new AbortController();
  readonly #readDurable = new Map<DurableEdus, number>();
  readonly #readPassing = new Map<PassingEdus, number>();
  /** Servers that were sent events beyond the stored position of the stream: those they are not sent again. */
  readonly #ahead: ReadonlyMap<string, number>;
  #forgottenCount = 0;
  #position: number;
  #storedPosition: number;
  #failure: { readonly error: unknown } | undefined;

  private constructor(parts: TermParts, position: number, ahead: ReadonlyMap<string, number>) {
    this.#parts = parts;
    this.#position = position;
    this.#storedPosition = position;
    this.#ahead = ahead;
    for (const source of parts.passingEdus) this.#readPassing.set(source, source.horizon());
  }

  /** Reads what waits in the database for whom, servers that were never reached among them. */
  static async open(parts: TermParts): Promise<SendingTerm> {
    const { database } = parts;
    const position = await findCursor(database, cursorName);
    const [ahead, missed, pending, failing] = await Promise.all([
      findDestinationsAhead(database, position),
      findMissedRooms(database),
      findPendingTransactions(database, receiverKinds.server),
      findFailing(database),
    ]);
    const failingSince = new Map(failing.map((server) => [server.serverName, server.failingSince]));
    parts.remoteServers.clear();
    const term = new SendingTerm(parts, position, ahead);
    const pendingOf = Map.groupBy(pending, ({ receiver }) => receiver);
    for (const name of new Set([...missed.keys(), ...pendingOf.keys()])) {
      const pendingTxnIds = (pendingOf.get(name) ?? []).map(({ txnId }) => txnId);
      const stored = { pendingTxnIds, missed: missed.get(name), failingSince: failingSince.get(name) };
      term.#destinationOf(name, stored).wake();
    }
    // What was to be sent to these has become too old, or went with its room.
    const needless = failing.filter(({ serverName }) => !term.#destinations.has(serverName));
    await Promise.all(needless.map(({ serverName }) => parts.writeOutbox({ reached: serverName })));
    return term;
  }

  get destinations(): Iterable<Pick<DestinationState, 'name' | 'isFailing' | 'isBehind'>> {
    return this.#destinations.values();
  }

  /** Up to where the stream has been handed to destinations. */
  get position(): number {
    return this.#position;
  }

  /** The server has been heard of. */
  retry(serverName: string): void {
    this.#destinations.get(serverName)?.retry();
  }

  /** Hands on what is new in the streams. Throws when what the database has is not known any more. */
  async readOn(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    const { forgottenCount } = this.#parts.events;
    // A room has been completed: other servers may be in it than were known.
    if (forgottenCount !== this.#forgottenCount) this.#parts.remoteServers.clear();
    this.#forgottenCount = forgottenCount;
    while (this.#position < this.#parts.events.horizon && !this.#closing.signal.aborted) {
      const { events, upTo } = await this.#nextEvents();
      const woken = new Set<Destination>();
      // What was said to devices before an event goes with it, or before: it may be the event's key.
      for (const source of this.#parts.durableEdus) await this.#readDurableEdus(source, woken);
      for (const event of await routeEvents(this.#parts, events)) this.#handOn(event, woken);
      this.#position = upTo;
      for (const destination of woken) destination.wake();
    }
    const woken = new Set<Destination>();
    for (const source of this.#parts.durableEdus) await this.#readDurableEdus(source, woken);
    for (const destination of woken) destination.wake();
    for (const source of this.#parts.passingEdus) await this.#readPassingEdus(source);
  }

  async #nextEvents(): Promise<{ readonly events: readonly RoutableEvent[]; readonly upTo: number }> {
    const { events, database, remoteServers } = this.#parts;
    const upTo = events.horizon;
    const facts = events.since(this.#position);
    if (facts !== undefined) return { events: facts, upTo: facts.at(-1)?.pos ?? upTo };
    // What is read from the table does not say when a room's state was resolved anew.
    remoteServers.clear();
    const rows = await findStreamedEvents(database, this.#position, EVENTS_OF_STEP_MAX);
    return { events: rows, upTo: rows.length < EVENTS_OF_STEP_MAX ? upTo : (rows.at(-1)?.pos ?? upTo) };
  }

  #handOn(event: RoutedEvent, woken: Set<Destination>): void {
    for (const name of event.servers) {
      if (event.pos <= (this.#ahead.get(name) ?? 0)) continue;
      const destination = this.#destinationOf(name);
      destination.add(event);
      woken.add(destination);
    }
  }

  async #readDurableEdus(source: DurableEdus, woken: Set<Destination>): Promise<void> {
    const upTo = source.horizon();
    const after = this.#readDurable.get(source);
    if (upTo === after) return;
    const names = await source.findServers(after ?? 0);
    this.#readDurable.set(source, upTo);
    for (const name of names) {
      const destination = this.#destinationOf(name);
      destination.addEdus(source);
      woken.add(destination);
    }
  }

  async #readPassingEdus(source: PassingEdus): Promise<void> {
    const upTo = source.horizon();
    const after = this.#readPassing.get(source) ?? upTo;
    if (upTo === after) return;
    this.#readPassing.set(source, upTo);
    for (const { servers, key, edu } of await source.findEdus(after, upTo)) {
      for (const name of servers) {
        const destination = this.#destinationOf(name);
        destination.addPassing(key, edu);
        destination.wake();
      }
    }
  }

  /** Notes how far the stream is read, gives failing servers their next chance, and forgets those that need nothing. */
  async settle(): Promise<void> {
    const missed = [];
    let to = this.#position;
    let hasFailing = false;
    for (const destination of this.#destinations.values()) {
      missed.push(...destination.settle());
      to = Math.min(to, (destination.oldestPos ?? Infinity) - 1);
      hasFailing ||= destination.isFailing;
      if (destination.isFailing) destination.wake();
      else if (destination.isIdle) this.#destinations.delete(destination.name);
    }
    // Other processes have heard of these.
    if (hasFailing) for (const name of await findHeard(this.#parts.database, HEARD_MAX)) this.retry(name);
    if (missed.length === 0 && to <= this.#storedPosition) return;
    const cursor = to > this.#storedPosition ? { from: this.#storedPosition, to } : undefined;
    await this.#parts.writeOutbox({ missed, cursor });
    this.#storedPosition = Math.max(this.#storedPosition, to);
  }

  #destinationOf(name: string, stored?: StoredDestination): Destination {
    const known = this.#destinations.get(name);
    if (known !== undefined) return known;
    const made = new Destination(
      {
        ...this.#parts,
        routedPos: () => this.#position,
        signal: this.#closing.signal,
        broke: (error) => (this.#failure ??= { error }),
      },
      name,
      stored,
    );
    this.#destinations.set(name, made);
    return made;
  }

  /** What is under way is cut off: it is sent again, under the same id. */
  [Symbol.dispose](): void {
    this.#closing.abort();
  }
}
