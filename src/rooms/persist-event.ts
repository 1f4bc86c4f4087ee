/** Owns the only way by which events are written: local sends, joins, federation and bridges all meet here. */
import { backOff } from '#core/backoff.ts';
import type { Load } from '#core/quota.ts';
import { MatrixError } from '#matrix/error.ts';
import type { PersistEvents, PersistRequest, PersistResult } from '#rooms/persist-request.ts';
import { answerKnown } from '#rooms/persist/answer-known.ts';
import { buildRequest, internNames, newRoomView } from '#rooms/persist/build-request.ts';
import type { BuildParts } from '#rooms/persist/built-events.ts';
import { EventWriter, type EventWriterParts } from '#rooms/persist/event-writer.ts';
import { LockedWriter } from '#rooms/persist/locked-writer.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { PersistQueue, type QueueLimits } from '#rooms/persist/persist-queue.ts';
import { Outage } from '#storage/outage.ts';
import { databaseAway, tooMuchWaiting } from '#storage/overload.ts';
import { RoomLane, type Work } from '#rooms/persist/room-lane.ts';
import { loadRoomView, type RoomView } from '#rooms/persist/room-view.ts';
import { replayHashOf } from '#rooms/persist/event-rows.ts';
import { findHead } from '#storage/rooms/find-rooms.ts';
import { selectReplayed } from '#storage/rooms/load-view.ts';
import { isConnectionLost } from '#storage/database-errors.ts';

export type PersistParts = Omit<BuildParts, 'database' | 'nextCreationTs'> &
  Omit<EventWriterParts, 'rebuilt' | 'outage'> & {
    /** `queueMsMax`: how long a request may wait while the database cannot take it. */
    readonly limits: QueueLimits & { readonly queueMsMax: number };
  };

/** Between attempts while the database is away. */
const outageBackoff = { leastMs: 50, mostMs: 1_000 };
/** Rooms whose head and power levels are remembered: some 15 kB each. */
const lanesMax = 3_000;
/** From this many conflicts in a row on, a room is locked first and its events are built then. */
const conflictsBeforeLock = 2;

export type EventPersister = AsyncDisposable & {
  readonly persistEvents: PersistEvents;
  readonly loads: readonly Load[];
  /** For how many milliseconds somebody has waited and nothing could be written; 0 while all is well. */
  readonly stuckMs: () => number;
};

/** One per process; any number of processes may share the database. */
export function createEventPersister(parts: PersistParts): EventPersister {
  const persister = new Persister(parts);
  return {
    persistEvents: (request) => persister.persist(request),
    loads: persister.loads,
    stuckMs: () => persister.stuckMs,
    [Symbol.asyncDispose]: () => persister[Symbol.asyncDispose](),
  };
}

class Persister implements AsyncDisposable {
  readonly #parts: PersistParts & BuildParts;
  readonly #writer: EventWriter;
  readonly #locked: LockedWriter;
  /** By room id, the least recently made first. */
  readonly #lanes = new Map<string, RoomLane>();
  /** Requests under way by replay key: a second one with the same key waits for the first. */
  readonly #replays = new Map<string, Promise<PersistResult>>();
  readonly #queue: PersistQueue;
  readonly #outage: Outage;
  readonly #patienceMs: number;
  #waiting = 0;
  #lastCreationTs = 0;
  #closed = false;

  constructor(parts: PersistParts) {
    const outage = new Outage(parts.clock);
    this.#outage = outage;
    this.#queue = new PersistQueue(parts.limits);
    this.#patienceMs = parts.limits.queueMsMax;
    this.#parts = { ...parts, nextCreationTs: () => this.#nextCreationTs() };
    this.#writer = new EventWriter({ ...parts, outage, rebuilt: (lane) => void this.#build(lane) });
    this.#locked = new LockedWriter({ ...this.#parts, outage });
  }

  get loads(): readonly Load[] {
    return this.#queue.loads;
  }

  get stuckMs(): number {
    return this.#waiting === 0 ? 0 : this.#outage.lastsMs;
  }

  /** Takes nothing more, and lets what was taken come to its end. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    const deadlineMs = this.#parts.clock.monotonicMs() + this.#patienceMs;
    while (this.#waiting > 0 && this.#parts.clock.monotonicMs() < deadlineMs) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await this.#writer[Symbol.asyncDispose]();
    await this.#locked[Symbol.asyncDispose]();
  }

  persist(request: PersistRequest): Promise<PersistResult> {
    const { replay } = request;
    if (replay === undefined) return this.#accept(request);
    const key = JSON.stringify([replay.deviceNid, replay.path, replay.txnId]);
    const underWay = this.#replays.get(key);
    if (underWay !== undefined) return underWay;
    const result = this.#accept(request).finally(() => this.#replays.delete(key));
    this.#replays.set(key, result);
    return result;
  }

  #accept(request: PersistRequest): Promise<PersistResult> {
    if (this.#closed) return Promise.reject(tooMuchWaiting());
    // In a long outage those who wait already find out when it ends; nobody else is kept waiting for it.
    if (this.stuckMs > this.#patienceMs) return Promise.reject(databaseAway(undefined));
    const lane = this.#laneOf(request);
    const leave = this.#queue.enter(lane, request);
    if (leave === undefined) return Promise.reject(tooMuchWaiting());
    this.#waiting++;
    const result = new Promise<PersistResult>((resolve, reject) => {
      const named = internNames(this.#parts, request);
      // Awaited when its turn comes; until then a failure is nobody's.
      named.catch(() => undefined);
      lane.pending.push({
        request,
        named,
        resolve,
        reject,
        deadlineMs: this.#parts.clock.monotonicMs() + this.#patienceMs,
      });
    });
    void this.#build(lane);
    return result.finally(() => {
      this.#waiting--;
      leave();
    });
  }

  #laneOf({ room }: PersistRequest): RoomLane {
    // A room that is being created has no id yet, and nobody else can name it.
    if ('create' in room) return new RoomLane();
    const existing = this.#lanes.get(room.roomId);
    if (existing !== undefined) return existing;
    if (this.#lanes.size >= lanesMax) this.#dropIdleLanes();
    const lane = new RoomLane();
    this.#lanes.set(room.roomId, lane);
    return lane;
  }

  #dropIdleLanes(): void {
    for (const [roomId, lane] of this.#lanes) {
      if (this.#lanes.size < lanesMax * 0.9) return;
      if (lane.isIdle) this.#lanes.delete(roomId);
    }
  }

  /** Builds what is pending in the lane, in order; one loop per lane at a time. */
  async #build(lane: RoomLane): Promise<void> {
    if (lane.building) return;
    lane.building = true;
    while (lane.pending.length > 0) {
      if (lane.conflicts >= conflictsBeforeLock && lane.isThere) {
        if (lane.built.length > 0) break;
        await this.#locked.write(lane);
        continue;
      }
      // It stays first until it is built, so that works taken back meanwhile come before it.
      const [work] = lane.pending;
      if (work === undefined || lane.mustSettleBefore(work)) break;
      if ((await this.#buildWork(lane, work)) === 'unsettled') break;
    }
    lane.building = false;
  }

  /** `unsettled`: the work may build on events that are being written, and has to wait for them. */
  async #buildWork(lane: RoomLane, work: Work): Promise<'unsettled' | undefined> {
    const { generation } = lane;
    let remembered: RoomView | undefined;
    try {
      if (work.deadlineMs < this.#parts.clock.monotonicMs()) throw databaseAway(undefined);
      await work.named;
      remembered = lane.view;
      const view = remembered ?? (await this.#viewFor(lane, work.request));
      const built = await buildRequest(this.#parts, view, work.request);
      if (generation !== lane.generation) return undefined;
      lane.pending.shift();
      if ('create' in work.request.room) this.#register(lane, built.view);
      lane.outages = 0;
      if (built.events.length === 0) await answerKnown(this.#parts.database, work, built);
      else this.#writer.enqueue(lane.addBuilt(work, built));
    } catch (error) {
      if (generation !== lane.generation) return undefined;
      if (error instanceof MissingEventsError && lane.built.length > 0) return 'unsettled';
      if (isConnectionLost(error) && !this.#closed && work.deadlineMs > this.#parts.clock.monotonicMs()) {
        await this.#awaitDatabase(lane, work);
        return undefined;
      }
      const isRefused = error instanceof MatrixError;
      const [before, isBehind] = await Promise.all([
        isRefused ? this.#findReplayed(work) : undefined,
        isRefused && remembered !== undefined ? this.#isBehind(lane, remembered) : false,
      ]);
      if (generation !== lane.generation) return undefined;
      if (before === undefined && isBehind) {
        if (lane.built.length > 0) return 'unsettled';
        lane.forget();
        return undefined;
      }
      lane.pending.shift();
      if (before !== undefined) work.resolve(before);
      else work.reject(isConnectionLost(error) ? databaseAway(error) : error);
    }
    return undefined;
  }

  /** Nothing of the work was written, so that it can be tried again until its time is up. */
  async #awaitDatabase(lane: RoomLane, work: Work): Promise<void> {
    this.#outage.begin();
    lane.outages++;
    await backOff(lane.outages, outageBackoff);
    work.named = internNames(this.#parts, work.request);
    work.named.catch(() => undefined);
  }

  /** What was done once stays done, even if the sender may not do it any more. */
  async #findReplayed({ request: { replay, room } }: Work): Promise<PersistResult | undefined> {
    if (replay === undefined || !('roomId' in room)) return undefined;
    const { database } = this.#parts;
    const [row] = await database.query(selectReplayed, [replay.deviceNid, replayHashOf(replay)]).catch(() => []);
    return row && { roomId: room.roomId, roomNid: row.room_nid, eventIds: [row.event_id], statuses: ['accepted'] };
  }

  /**
   * Whether another process has written to the room since its view was read: then what the view forbids may be allowed by
   * now. What a view allows needs no such look, since a write that stands on an old head is refused.
   */
  async #isBehind(lane: RoomLane, { roomNid }: RoomView): Promise<boolean> {
    // If the database is away, that is found when the view is read again.
    const head = await findHead(this.#parts.database, roomNid).catch(() => undefined);
    return head === undefined || head.roomSeq > lane.roomSeq;
  }

  async #viewFor(lane: RoomLane, { room }: PersistRequest): Promise<RoomView> {
    const { database, nids, signer } = this.#parts;
    if ('create' in room) {
      const roomNid = await nids.reserve(1, () => nids.take());
      return newRoomView(room.create, roomNid, signer.serverName);
    }
    const view = await loadRoomView(database, room.roomId);
    if (view === undefined) throw new MatrixError('M_NOT_FOUND', 'This server does not know the room.');
    lane.view = view;
    lane.roomSeq = view.head.roomSeq;
    lane.bumpPos = view.head.bumpPos;
    return view;
  }

  #nextCreationTs(): number {
    this.#lastCreationTs = Math.max(this.#parts.clock.now(), this.#lastCreationTs + 1);
    return this.#lastCreationTs;
  }

  #register(lane: RoomLane, view: RoomView): void {
    // A create that is built again makes another room; nothing was written under the first id.
    if (lane.created !== undefined) this.#lanes.delete(lane.created.roomId);
    lane.created = { roomId: view.roomId, version: view.version.id };
    this.#lanes.set(view.roomId, lane);
  }
}
