/** Owns the events of other servers between being taken and being persisted: by room, in order, no room waiting for another. */
import { backoffMs } from '#core/backoff.ts';
import { Quota, type Load } from '#core/quota.ts';
import { createTokenBuckets } from '#core/token-buckets.ts';
import { redactedCopy, validatePdu } from '#matrix/pdu-checks.ts';
import type { ValidatedPdu } from '#matrix/validated-pdu.ts';
import { finishReceived, wakeWaiting } from '#rooms/receive/finish-received.ts';
import { FairSlots } from '#rooms/receive/gaps/fair-slots.ts';
import { fillGap } from '#rooms/receive/gaps/fill-gap.ts';
import { findPlaced } from '#rooms/receive/gaps/missing-events.ts';
import { persistAllReceived, persistReceived, type Received } from '#rooms/receive/persist-received.ts';
import type { ReceiveParts } from '#rooms/receive/receive-parts.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { claimStaged, deleteStaged, postponeStaged, type StagedRow } from '#storage/rooms/inbound-staging.ts';

/** A staged event in memory. */
export type InboxItem = Pick<StagedRow, 'stagingNid' | 'origin' | 'attempts'> & { readonly event: ValidatedPdu };

/** What was staged is its process's to work on for so long, and anybody's afterwards. */
export const CLAIM_MS = 10_000;
/** The same while what an event builds on is fetched. */
const FILL_MS = 120_000;
/** How often a process looks for what others have left behind, and for what was put off. */
const SWEEP_MS = 2_000;
const SWEPT_AT_ONCE = 50;
/** Events of a room that are handed to the persister together. */
const AT_ONCE = 50;
/** Events of a room that wait in memory for what they build on; more are put off. */
const LACKING_MAX = 50;
/** While the server has too much to do. */
const BUSY_MS = 2_000;
/** When what an event builds on could not be had, and does not come by itself. */
const retryBackoff = { leastMs: 10_000, mostMs: 3_600_000 };
/** Most of a day. */
const ATTEMPTS_MAX = 24;
/** How many gaps one server makes us fill: at once, in a row, and over time. */
const GAPS_PER_ORIGIN_MAX = 3;
const gapBudget = { burst: 60, perSecond: 1 };
const ORIGINS_MAX = 10_000;

type Room = {
  readonly roomId: string;
  readonly pending: InboxItem[];
  /** Events that build on what is not here; the room's others do not wait for them. */
  readonly lacking: InboxItem[];
  isWorking: boolean;
  isFilling: boolean;
};

type Settled = { readonly item: InboxItem; readonly outcome: Received };

export class Inbox implements AsyncDisposable {
  readonly #parts: ReceiveParts;
  readonly #rooms = new Map<string, Room>();
  /** Staging numbers of what is in memory. */
  readonly #held = new Set<number>();
  /** Those of them that were sent again meanwhile: what they lack may have come. */
  readonly #sentAgain = new Set<number>();
  readonly #bytes: Quota;
  readonly #slots: FairSlots;
  readonly #budget: ReturnType<typeof createTokenBuckets>;
  readonly #running = new Set<Promise<void>>();
  readonly #stopping = new AbortController();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: ReceiveParts) {
    this.#parts = parts;
    this.#bytes = new Quota('inbound_event_bytes', parts.limits.inboundBytesMax);
    this.#slots = new FairSlots({ max: parts.limits.gapsAtOnceMax, perCallerMax: GAPS_PER_ORIGIN_MAX });
    this.#budget = createTokenBuckets(gapBudget, parts.clock, ORIGINS_MAX);
    this.#timer = setInterval(() => this.#start(this.#sweep()), SWEEP_MS).unref();
    this.#start(this.#sweep());
  }

  get loads(): readonly Load[] {
    return [this.#bytes];
  }

  /** Takes up events that were staged just now, in their order. */
  add(items: readonly InboxItem[]): void {
    for (const { stagingNid } of items) if (this.#held.has(stagingNid)) this.#sentAgain.add(stagingNid);
    this.#take(items);
  }

  /** What does not fit in memory stays in the table until it is due. */
  #take(items: readonly InboxItem[]): void {
    for (const item of items) {
      if (this.#held.has(item.stagingNid) || !this.#bytes.take(item.event.json.length)) continue;
      this.#held.add(item.stagingNid);
      const room = this.#roomOf(item.event.roomId);
      room.pending.push(item);
      if (!room.isWorking) this.#start(this.#work(room));
    }
  }

  /** Resolves when all that is in memory has been worked through or put off. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.all(this.#running);
  }

  /** What is being written is; the rest stays in the table. */
  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    this.#stopping.abort();
    await this.settled();
  }

  #roomOf(roomId: string): Room {
    let room = this.#rooms.get(roomId);
    if (room === undefined) {
      room = { roomId, pending: [], lacking: [], isWorking: false, isFilling: false };
      this.#rooms.set(roomId, room);
    }
    return room;
  }

  #start(run: Promise<void>): void {
    const tracked = run
      .catch((error: unknown) => this.#parts.logger.warn({ err: error }, 'received events are tried again later'))
      .finally(() => this.#running.delete(tracked));
    this.#running.add(tracked);
  }

  async #work(room: Room): Promise<void> {
    room.isWorking = true;
    try {
      // What is added in this turn of the event loop goes into the first batch together.
      await Promise.resolve();
      while (room.pending.length > 0 && !this.#isStopping) await this.#persistSome(room);
    } finally {
      this.#letGo(room.pending.splice(0));
      room.isWorking = false;
      this.#leave(room);
    }
  }

  async #persistSome(room: Room): Promise<void> {
    const items = room.pending.splice(0, AT_ONCE);
    const events = items.map(({ event }) => event);
    const outcomes = await persistAllReceived(this.#parts, events);
    const settled: Settled[] = [];
    for (const [index, item] of items.entries()) {
      const outcome = outcomes[index] ?? { kind: 'busy' };
      if (outcome.kind === 'missing' && room.lacking.length < LACKING_MAX) room.lacking.push(item);
      else settled.push({ item, outcome });
    }
    if (room.lacking.length > 0 && !room.isFilling) this.#start(this.#fill(room));
    await this.#settle(room.roomId, settled);
  }

  /** One at a time in each room: what one event lacked is often what the next one lacks. */
  async #fill(room: Room): Promise<void> {
    room.isFilling = true;
    try {
      for (let item = room.lacking[0]; item !== undefined && !this.#isStopping; item = room.lacking[0]) {
        const outcome = await this.#fillFor(item);
        room.lacking.shift();
        await this.#settle(room.roomId, [{ item, outcome }]);
      }
    } finally {
      this.#letGo(room.lacking.splice(0));
      room.isFilling = false;
      this.#leave(room);
    }
  }

  #leave({ roomId, isWorking, isFilling }: Room): void {
    if (!isWorking && !isFilling) this.#rooms.delete(roomId);
  }

  async #fillFor(item: InboxItem): Promise<Received> {
    const { stagingNid, attempts, origin, event } = item;
    const again = await persistReceived(this.#parts, event);
    if (again.kind !== 'missing') return again;
    if (this.#budget.take(origin) > 0) return again;
    try {
      const dueAt = this.#parts.clock.now() + FILL_MS;
      await postponeStaged(this.#parts.database, { stagingNid, dueAt, attempts, lacks: [] });
      return await this.#slots.run(origin, () => fillGap(this.#parts, item, this.#stopping.signal));
    } catch (error) {
      if (this.#isStopping) return { kind: 'busy' };
      this.#parts.logger.warn({ err: error, eventId: event.eventId }, 'a gap could not be filled; it is tried again');
      return { kind: 'failed' };
    }
  }

  async #settle(roomId: string, all: readonly Settled[]): Promise<void> {
    try {
      const finished = all.filter(({ item, outcome }) => outcome.kind === 'done' || isGivenUp(item, outcome));
      await finishReceived(
        this.#parts,
        roomId,
        finished.map(({ item: { stagingNid, event }, outcome }) => ({ stagingNid, eventId: event.eventId, outcome })),
      );
      for (const { item, outcome } of all) {
        if (outcome.kind === 'done') continue;
        const { eventId } = item.event;
        if (!isGivenUp(item, outcome)) await this.#postpone(roomId, item, outcome);
        else this.#parts.logger.warn({ roomId, eventId }, 'a received event was given up');
      }
    } finally {
      const again = all.filter((settled) => this.#isSentAgain(settled));
      this.#letGo(all.map(({ item }) => item));
      this.#take(again.map(({ item }) => ({ ...item, attempts: 0 })));
    }
  }

  async #postpone(roomId: string, { stagingNid, attempts: before }: InboxItem, outcome: Received): Promise<void> {
    const { database, clock } = this.#parts;
    const isBusy = outcome.kind === 'busy';
    const attempts = isBusy ? before : before + 1;
    const dueAt = Math.round(clock.now() + (isBusy ? BUSY_MS : backoffMs(attempts, retryBackoff)));
    const lacks = outcome.kind === 'missing' ? outcome.eventIds : [];
    await postponeStaged(database, { stagingNid, dueAt, attempts, lacks });
    if (lacks.length === 0) return;
    // What has come before this was written knew of nobody who waits.
    const room = await findRoom(database, roomId);
    const eventIds = room === undefined ? [] : await findPlaced(database, room.roomNid, lacks);
    await wakeWaiting(this.#parts, roomId, eventIds);
  }

  /** Seen when it is let go and not before: it may come again even while it is being put off. */
  #isSentAgain({ item: { stagingNid }, outcome: { kind } }: Settled): boolean {
    return kind !== 'done' && !this.#isStopping && this.#sentAgain.has(stagingNid);
  }

  #letGo(items: readonly InboxItem[]): void {
    for (const { stagingNid, event } of items) {
      this.#sentAgain.delete(stagingNid);
      if (this.#held.delete(stagingNid)) this.#bytes.give(event.json.length);
    }
  }

  get #isStopping(): boolean {
    return this.#stopping.signal.aborted;
  }

  async #sweep(): Promise<void> {
    const { database, clock } = this.#parts;
    for (let isMore = true; isMore && !this.#isStopping;) {
      const now = clock.now();
      const rows = await claimStaged(database, { now, dueAt: now + CLAIM_MS, limit: SWEPT_AT_ONCE });
      const read = await Promise.all(rows.map(async (row) => ({ row, item: await this.#read(row) })));
      const unreadable = read.filter(({ item }) => item === undefined).map(({ row }) => row.stagingNid);
      if (unreadable.length > 0) await deleteStaged(database, unreadable);
      this.#take(read.flatMap(({ item }) => item ?? []));
      isMore = rows.length === SWEPT_AT_ONCE;
    }
  }

  /** Its signatures were checked before it was staged. Undefined for an event of a room that has gone meanwhile. */
  async #read({ stagingNid, origin, attempts, roomId, json }: StagedRow): Promise<InboxItem | undefined> {
    const room = await findRoom(this.#parts.database, roomId);
    const verdict = room === undefined ? undefined : validatePdu(json, room.version);
    if (verdict?.ok !== true) return undefined;
    const event = verdict.event.contentHashMatches ? verdict.event : redactedCopy(verdict.event);
    return { stagingNid, origin, attempts, event };
  }
}

function isGivenUp({ attempts }: InboxItem, { kind }: Received): boolean {
  return (kind === 'missing' || kind === 'failed') && attempts >= ATTEMPTS_MAX;
}
