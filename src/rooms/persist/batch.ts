/** Owns a batch: which built works go into one write, their rows, and the facts that the stream is told afterwards. */
import type { BuiltEvent } from '#rooms/persist/built-events.ts';
import { isRedacted } from '#rooms/persist/early-redactions.ts';
import type { BuiltWork, RoomLane } from '#rooms/persist/room-lane.ts';
import type { PersistResult } from '#rooms/persist-request.ts';
import { headCauses, type RoomRows } from '#storage/rooms/persist-columns.ts';
import type { EventCommit, EventFact } from '#streams/event-fact.ts';

export type BatchLimits = {
  readonly batchRoomsMax: number;
  readonly batchEventsMax: number;
  readonly batchBytesMax: number;
};

/** One room's works in a batch, in order. */
export type RoomBatch = { readonly lane: RoomLane; readonly works: readonly BuiltWork[]; readonly rows: RoomRows };

/** Takes from the front of the queue what fits into one batch; works of a thrown-away generation are dropped. */
export function takeBatch(queue: BuiltWork[], limits: BatchLimits): BuiltWork[] {
  const taken: BuiltWork[] = [];
  const lanes = new Set<RoomLane>();
  let events = 0;
  let bytes = 0;
  let read = 0;
  for (; read < queue.length; read++) {
    const entry = queue[read];
    if (entry === undefined || entry.generation !== entry.lane.generation) continue;
    const own = entry.built.events;
    events += own.length;
    for (const { row } of own) bytes += row.json.length;
    lanes.add(entry.lane);
    const full = events > limits.batchEventsMax || bytes > limits.batchBytesMax || lanes.size > limits.batchRoomsMax;
    // A single work larger than a batch is a batch of its own.
    if (full && taken.length > 0) break;
    taken.push(entry);
  }
  queue.splice(0, read);
  return taken;
}

/** Rooms ascend by nid: every writer locks them in this order. */
export function roomBatches(works: readonly BuiltWork[]): RoomBatch[] {
  const byLane = Map.groupBy(works, ({ lane }) => lane);
  const rooms = Array.from(byLane, ([lane, own]) => ({ lane, works: own, rows: rowsOf(lane, own) }));
  return rooms.toSorted((one, other) => one.rows.roomNid - other.rows.roomNid);
}

function rowsOf(lane: RoomLane, works: readonly BuiltWork[]): RoomRows {
  const last = works[works.length - 1]?.built.view;
  if (last === undefined) throw new Error('A room without works is in no batch.');
  return {
    roomNid: last.roomNid,
    roomSeq: lane.roomSeq,
    created: lane.created,
    root: last.head.root,
    cause: causeOf(works),
    extremityNids: last.head.extremities.map(({ nid }) => nid),
    depth: last.head.depth,
    lastOrder: last.head.lastOrder,
    notifySeq: last.head.notifySeq,
    bumpPos: lane.bumpPos,
    events: works.flatMap(({ built }) => built.events.map(({ row }) => row)),
  };
}

/** A head with the cause of a resolution tells readers that the event before it does not explain the state. */
function causeOf(works: readonly BuiltWork[]): number {
  const alone = works
    .flatMap(({ built }) => (built.isAlone ? built.events : []))
    .filter(({ fact }) => fact !== undefined);
  if (alone.length > 0) return alone.some(({ hasGapBefore }) => hasGapBefore) ? headCauses.gap : headCauses.resolution;
  return works.some(({ built }) => built.changed) ? headCauses.stateEvent : headCauses.message;
}

export function eventsOf(room: RoomBatch): readonly BuiltEvent[] {
  return room.works.flatMap(({ built }) => built.events);
}

export function resultOf({ built }: Pick<BuiltWork, 'built'>): PersistResult {
  const { roomId, roomNid } = built.view;
  return {
    roomId,
    roomNid,
    eventIds: built.outcomes.map(({ eventId }) => eventId),
    statuses: built.outcomes.map(({ status }) => status),
  };
}

/**
 * What the stream is told of a batch that was committed. Events that are not new in their room, and those of rooms that were
 * not written, leave their positions unused.
 */
export function commitOf(
  rooms: readonly RoomBatch[],
  isWritten: (index: number) => boolean,
  firstPos: number,
): EventCommit {
  const facts: EventFact[] = [];
  let pos = firstPos;
  for (const [index, room] of rooms.entries()) {
    for (const { fact, row, earlyRedactions } of eventsOf(room)) {
      if (fact !== undefined && isWritten(index)) {
        if (row.bumps) room.lane.bumpPos = pos;
        facts.push(isRedacted(earlyRedactions) ? { ...fact, pos, isRedacted: true } : { ...fact, pos });
      }
      pos++;
    }
  }
  return { facts, firstPos, lastPos: pos - 1 };
}
