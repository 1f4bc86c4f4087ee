/** Owns writing to a contended room: its lock first, then reading where it stands, then building and writing. */
import { backOff } from '#core/backoff.ts';
import { MatrixError } from '#matrix/error.ts';
import { answerKnown } from '#rooms/persist/answer-known.ts';
import { buildRequest, internNames } from '#rooms/persist/build-request.ts';
import type { BuildParts } from '#rooms/persist/built-events.ts';
import { commitOf, resultOf, roomBatches } from '#rooms/persist/batch.ts';
import type { EventWriterParts } from '#rooms/persist/event-writer.ts';
import { replayHashOf } from '#rooms/persist/event-rows.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { databaseAway } from '#storage/overload.ts';
import type { BuiltWork, RoomLane, Work } from '#rooms/persist/room-lane.ts';
import { loadRoomView, type RoomView } from '#rooms/persist/room-view.ts';
import { projectionsOf, writeInside } from '#rooms/persist/write-batch.ts';
import { createWriterClient, type WriterClient } from '#storage/writer-client.ts';
import { type DatabaseClient, txOn, type Tx } from '#storage/database.ts';
import { isConnectionLost, isContention } from '#storage/database-errors.ts';
import { lockRoom, selectReplayed } from '#storage/rooms/load-view.ts';

type Parts = Omit<BuildParts, 'database'> & Omit<EventWriterParts, 'rebuilt'>;

const retryBackoff = { leastMs: 20, mostMs: 500 };

/** Locking holds the room for a few round trips, so it is only used when optimism has failed. */
export class LockedWriter implements AsyncDisposable {
  readonly #parts: Parts;
  readonly #client: WriterClient;
  /** One connection, so one room at a time. */
  #turn: Promise<void> = Promise.resolve();
  readonly #answered = new WeakSet<Work>();
  /** Whether the write of the present turn has begun: from then on its outcome may be unknown. */
  #isWriting = false;
  /** Turns in a row that were interrupted. */
  #interruptions = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.#client = createWriterClient(parts);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#turn.then(() => this.#client[Symbol.asyncDispose]());
  }

  /** Writes some of the lane's pending works. Those that could not be written are pending again, or answered. */
  write(lane: RoomLane): Promise<void> {
    this.#turn = this.#turn.then(() => this.#writeLocked(lane));
    return this.#turn;
  }

  async #writeLocked(lane: RoomLane): Promise<void> {
    const taken = lane.pending.splice(0, lane.suspects > 0 ? 1 : this.#parts.limits.batchEventsMax);
    lane.suspects = Math.max(0, lane.suspects - 1);
    lane.forget();
    this.#isWriting = false;
    try {
      const client = await this.#client.get();
      await client.query(taken.some(isSealed) ? beginPatiently : 'begin');
      const left = await this.#buildAndWrite(client, lane, taken).catch(async (error: unknown) => {
        await client.query('rollback');
        throw error;
      });
      lane.pending.unshift(...left);
      this.#interruptions = 0;
      this.#parts.outage.end();
    } catch (error) {
      lane.forget();
      if (!isContention(error)) this.#client.drop();
      this.#parts.logger.warn({ err: error }, 'a locked write was interrupted');
      const open = taken.filter((work) => !this.#answered.has(work));
      if (isConnectionLost(error) || isContention(error)) {
        this.#giveBack(lane, open, error);
        if (isConnectionLost(error)) this.#parts.outage.begin();
        await backOff(++this.#interruptions, retryBackoff);
      } else if (open.length === 1) open[0]?.reject(error);
      else {
        lane.suspects = open.length;
        lane.pending.unshift(...open);
      }
    }
  }

  /** Works whose time is up are answered; the others are tried again. Where the outcome is unknown, that takes a replay key. */
  #giveBack(lane: RoomLane, works: readonly Work[], error: unknown): void {
    const now = this.#parts.clock.monotonicMs();
    const repeatable = (work: Work): boolean =>
      (isContention(error) || !this.#isWriting || work.request.replay !== undefined) && work.deadlineMs > now;
    for (const work of works) if (!repeatable(work)) work.reject(databaseAway(error));
    const open = works.filter(repeatable);
    for (const work of open) {
      work.named = internNames(this.#parts, work.request);
      work.named.catch(() => undefined);
    }
    lane.pending.unshift(...open);
  }

  async #buildAndWrite(client: DatabaseClient, lane: RoomLane, works: readonly Work[]): Promise<readonly Work[]> {
    const tx = txOn(client);
    const roomId = works.map(({ request }) => ('roomId' in request.room ? request.room.roomId : undefined))[0];
    const seen = roomId === undefined ? undefined : await loadRoomView(tx, roomId);
    if (seen === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
    await tx.query(lockRoom, [seen.roomNid]);
    // Read again in a new statement: before the lock was had, another writer may have moved the head.
    const view = await loadRoomView(tx, seen.roomId);
    if (view === undefined) throw new Error(`The room ${seen.roomId} has vanished.`);
    lane.roomSeq = view.head.roomSeq;
    lane.bumpPos = view.head.bumpPos;
    const { entries, left } = await this.#buildAll(tx, lane, view, works);
    if (entries.length === 0) {
      await client.query('rollback');
      return left;
    }
    const rooms = roomBatches(entries);
    const concerned = projectionsOf(rooms, this.#parts.projections);
    this.#isWriting = true;
    const outcome = await writeInside(client, tx, { now: this.#parts.clock.now(), rooms, concerned, wait: true });
    if (outcome.statuses[0] !== 'written') {
      lane.forget();
      return [...entries.map(({ work }) => work), ...left];
    }
    this.#parts.committed(commitOf(rooms, () => true, outcome.firstPos));
    lane.settle(entries);
    for (const entry of entries) entry.work.resolve(resultOf(entry));
    return left;
  }

  /** `left` are works that must wait until the entries before them are written. */
  async #buildAll(
    tx: Tx,
    lane: RoomLane,
    base: RoomView,
    works: readonly Work[],
  ): Promise<{ readonly entries: readonly BuiltWork[]; readonly left: readonly Work[] }> {
    const entries: BuiltWork[] = [];
    let view = base;
    for (const [index, work] of works.entries()) {
      if (lane.mustSettleBefore(work)) return { entries, left: works.slice(index) };
      const { replay } = work.request;
      const [before] =
        replay === undefined ? [] : await tx.query(selectReplayed, [replay.deviceNid, replayHashOf(replay)]);
      if (before !== undefined) {
        this.#answered.add(work);
        const { roomId, roomNid } = view;
        work.resolve({ roomId, roomNid, eventIds: [before.event_id], statuses: ['accepted'] });
        continue;
      }
      try {
        await work.named;
        const built = await buildRequest(this.#parts, view, work.request);
        if (built.events.length === 0) {
          this.#answered.add(work);
          await answerKnown(this.#parts.database, work, built);
          continue;
        }
        view = built.view;
        entries.push(lane.addBuilt(work, built));
      } catch (error) {
        if (!(error instanceof MatrixError)) throw error;
        if (error instanceof MissingEventsError && entries.length > 0) return { entries, left: works.slice(index) };
        this.#answered.add(work);
        work.reject(error);
      }
    }
    return { entries, left: [] };
  }
}

/** For events from elsewhere states may have to be resolved between two statements, which takes longer than a draft. */
const beginPatiently = "begin; set local idle_in_transaction_session_timeout = '5s'";

const isSealed = ({ request }: Work): boolean => request.events.some((event) => 'sealed' in event);
