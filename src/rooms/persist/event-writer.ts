/** Owns group commit: the loop that writes what has been built, one batch after the other, and settles its works. */
import { backOff, backoffMs } from '#core/backoff.ts';
import type { Clock } from '#core/clock.ts';
import type { Logger } from '#core/logger.ts';
import type { Outage } from '#storage/outage.ts';
import { databaseAway } from '#storage/overload.ts';
import { commitOf, resultOf, roomBatches, takeBatch, type BatchLimits, type RoomBatch } from '#rooms/persist/batch.ts';
import { replayHashOf } from '#rooms/persist/event-rows.ts';
import type { Projection } from '#rooms/persist/projection.ts';
import type { BuiltWork, RoomLane } from '#rooms/persist/room-lane.ts';
import { writeBatch } from '#rooms/persist/write-batch.ts';
import { createWriterClient, type WriterClient } from '#storage/writer-client.ts';
import { txOn, type Database } from '#storage/database.ts';
import { isConnectionLost, isContention, isDuplicateEvent } from '#storage/database-errors.ts';
import { selectReplayed, selectWritten, trimHeads } from '#storage/rooms/load-view.ts';
import type { BatchOutcome } from '#storage/rooms/persist-batch.ts';
import type { EventCommit } from '#streams/event-fact.ts';

export type EventWriterParts = {
  readonly database: Database;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: BatchLimits;
  readonly projections: readonly Projection[];
  /** Told after each commit. */
  readonly committed: (commit: EventCommit) => void;
  /** Awaited when a batch turns out to have been committed though its answer was lost; it never rejects. */
  readonly recovered?: () => Promise<void>;
  /** Told of writes that were interrupted, and of those that came through. */
  readonly outage: Outage;
  /** Told when a lane's works have gone back to be built anew. */
  readonly rebuilt: (lane: RoomLane) => void;
};

const retryBackoff = { leastMs: 20, mostMs: 1_000 };
const contentionBackoff = { leastMs: 2, mostMs: 200 };
const headsKept = 64;

/**
 * One connection and one batch at a time: what arrives while a batch is written goes into the next. There is no timer;
 * an idle writer writes at once.
 */
export class EventWriter implements AsyncDisposable {
  readonly #parts: EventWriterParts;
  readonly #client: WriterClient;
  readonly #queue: BuiltWork[] = [];
  #running: Promise<void> | undefined;
  /** Batches in a row that were interrupted: a full disk answers at once, each time. */
  #interruptions = 0;

  constructor(parts: EventWriterParts) {
    this.#parts = parts;
    this.#client = createWriterClient(parts);
  }

  enqueue(entry: BuiltWork): void {
    this.#queue.push(entry);
    this.#running ??= this.#run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running;
    await this.#client[Symbol.asyncDispose]();
  }

  async #run(): Promise<void> {
    // What is built in this turn of the event loop goes into the first batch together.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const works = takeBatch(this.#queue, this.#parts.limits);
      this.#takeBackLate(works);
      const timely = works.filter(isCurrent);
      if (timely.length > 0) await this.#write(timely);
    }
    // In the same turn as the look at the queue: what comes later starts a run of its own.
    this.#running = undefined;
  }

  /** Works whose time is up while others were tried go back, to be answered where works are built. */
  #takeBackLate(works: readonly BuiltWork[]): void {
    const nowMs = this.#parts.clock.monotonicMs();
    for (const { lane } of works.filter(({ work }) => work.deadlineMs < nowMs)) {
      if (lane.built.length === 0) continue;
      lane.rebuild();
      this.#parts.rebuilt(lane);
    }
  }

  async #write(works: readonly BuiltWork[]): Promise<void> {
    const rooms = roomBatches(works);
    try {
      const client = await this.#client.get();
      const outcome = await writeBatch(client, this.#parts.clock.now(), rooms, this.#parts.projections);
      this.#interruptions = 0;
      this.#parts.outage.end();
      await this.#settle(rooms, outcome);
    } catch (error) {
      if (isConnectionLost(error)) await this.#recover(rooms, error);
      else await this.#narrow(works, rooms, error);
    }
  }

  async #settle(rooms: readonly RoomBatch[], { statuses, firstPos }: BatchOutcome): Promise<void> {
    const isWritten = (index: number): boolean => statuses[index] === 'written';
    if (statuses.includes('written')) this.#parts.committed(commitOf(rooms, isWritten, firstPos));
    for (const [index, room] of rooms.entries()) {
      const status = statuses[index];
      if (status === 'written') this.#settleRoom(room);
      else if (status === 'replayed') await this.#answerReplays(room);
      else this.#takeBack(room.lane);
    }
  }

  #settleRoom({ lane, works }: RoomBatch): void {
    lane.settle(works);
    for (const entry of works) entry.work.resolve(resultOf(entry));
    // Events on old heads wait until what was built before them is written.
    if (lane.pending.length > 0) this.#parts.rebuilt(lane);
    if (lane.roomSeq % headsKept === 0 && lane.view !== undefined) this.#trim(lane.view.roomNid, lane.roomSeq);
  }

  #trim(roomNid: number, roomSeq: number): void {
    const { database, logger } = this.#parts;
    database.query(trimHeads, [roomNid, roomSeq - 2 * headsKept, roomSeq - headsKept]).catch((error: unknown) => {
      logger.warn({ err: error }, 'old room heads were not trimmed');
    });
  }

  #takeBack(lane: RoomLane): void {
    lane.conflicts++;
    lane.rebuild();
    this.#parts.rebuilt(lane);
  }

  /** PostgreSQL had the room give way to others; the other rooms do not wait for it. */
  #tryLater(lane: RoomLane): void {
    lane.conflicts++;
    lane.rebuild();
    setTimeout(() => this.#parts.rebuilt(lane), backoffMs(lane.conflicts, contentionBackoff));
  }

  /** Some of the room's works were done before: those are answered with the first result, the others built again. */
  async #answerReplays({ lane, works }: RoomBatch): Promise<void> {
    for (const { work, built } of works) {
      const { replay } = work.request;
      if (replay === undefined) continue;
      const own = txOn(await this.#client.get());
      const [row] = await own.query(selectReplayed, [replay.deviceNid, replayHashOf(replay)]);
      if (row === undefined) continue;
      const { roomId, roomNid } = built.view;
      work.resolve({ roomId, roomNid, eventIds: [row.event_id], statuses: ['accepted'] });
      lane.built = lane.built.filter((entry) => entry.work !== work);
    }
    lane.rebuild();
    this.#parts.rebuilt(lane);
  }

  /** The database refused the batch: it is tried by room, then by work, until the culprit stands alone. */
  async #narrow(works: readonly BuiltWork[], rooms: readonly RoomBatch[], error: unknown): Promise<void> {
    const [first] = rooms;
    if (rooms.length > 1) {
      for (const room of rooms) await this.#write(room.works.filter(isCurrent));
      return;
    }
    if (first === undefined || works.length === 0) return;
    if (first.works.length > 1) {
      for (const entry of first.works) if (isCurrent(entry)) await this.#write([entry]);
      return;
    }
    const [culprit] = first.works;
    if (culprit === undefined) return;
    // An event that another process mentioned meanwhile has a nid by now, which building it anew finds.
    if (isDuplicateEvent(error)) return this.#takeBack(culprit.lane);
    if (isContention(error)) return this.#tryLater(culprit.lane);
    culprit.work.reject(error);
    // What was built upon the culprit stands on nothing.
    first.lane.built = first.lane.built.filter((entry) => entry !== culprit);
    first.lane.rebuild();
    this.#parts.rebuilt(first.lane);
  }

  /** The connection broke, so nobody knows whether the batch was committed: the events themselves tell. */
  async #recover(rooms: readonly RoomBatch[], error: unknown): Promise<void> {
    this.#parts.logger.warn({ err: error }, 'a batch of events was interrupted');
    this.#client.drop();
    this.#parts.outage.begin();
    const written = await this.#findWritten(rooms);
    if (written !== undefined && written.size > 0) await this.#parts.recovered?.();
    await pause(this.#interruptions++);
    for (const { lane, works } of rooms) {
      for (const entry of works) {
        if (written !== undefined && !written.has(entry.built.events[0]?.event.eventId ?? '')) continue;
        if (written === undefined) entry.work.reject(databaseAway(error));
        else entry.work.resolve(resultOf(entry));
        lane.built = lane.built.filter((own) => own !== entry);
      }
      lane.rebuild();
      this.#parts.rebuilt(lane);
    }
  }

  /** Asks until PostgreSQL answers; undefined when it does not before the works' time is up. */
  async #findWritten(rooms: readonly RoomBatch[]): Promise<ReadonlySet<string> | undefined> {
    const entries = rooms.flatMap(({ works }) => works);
    const ids = entries.flatMap((entry) => resultOf(entry).eventIds);
    const deadlineMs = Math.max(...entries.map(({ work }) => work.deadlineMs));
    for (let attempt = 0; this.#parts.clock.monotonicMs() < deadlineMs; attempt++) {
      await pause(attempt);
      try {
        await this.#client.endBackend(this.#parts.database);
        return new Set((await this.#parts.database.query(selectWritten, [ids])).map((row) => row.event_id));
      } catch (error) {
        this.#parts.logger.warn({ err: error }, 'the outcome of a batch could not be read yet');
      }
    }
    return undefined;
  }
}

/** The first repetition comes at once. */
async function pause(failures: number): Promise<void> {
  if (failures > 0) await backOff(failures, retryBackoff);
}

const isCurrent = (entry: BuiltWork): boolean => entry.generation === entry.lane.generation;
