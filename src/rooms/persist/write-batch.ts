/** Owns the writing of a batch: one statement for plain messages, one transaction with projections for everything else. */
import { piecesOf } from '#core/pieces.ts';
import { askForCollection } from '#rooms/collection/ask-for-collection.ts';
import { resultOf, type RoomBatch } from '#rooms/persist/batch.ts';
import type { Projection, ProjectedEvent } from '#rooms/persist/projection.ts';
import { type DatabaseClient, txOn, type Tx } from '#storage/database.ts';
import { deleteGapsOf, persistGaps, writeEntry } from '#storage/rooms/gaps.ts';
import {
  isPlain,
  persistFlush,
  persistHeavy,
  persistPlainBatch,
  statusOf,
  type BatchOutcome,
} from '#storage/rooms/persist-batch.ts';

/**
 * Writes the batch and commits. Rooms that could not be written are told in the statuses; an error means that nothing
 * was written, unless the connection broke. `client` pipelines: it sends statements without waiting for answers.
 */
export async function writeBatch(
  client: DatabaseClient,
  now: number,
  rooms: readonly RoomBatch[],
  projections: readonly Projection[],
): Promise<BatchOutcome> {
  const tx = txOn(client);
  const concerned = projectionsOf(rooms, projections);
  const rows = rooms.map((room) => room.rows);
  const plain = concerned.length === 0 && isPlain(rows) && !rooms.some(({ works }) => works.some(hasAlongside));
  if (plain) return persistPlainBatch(tx, now, rows);
  // Sent together: the answer to BEGIN is not worth a round trip.
  const begun = client.query('begin');
  try {
    return await writeInside(client, tx, { now, rooms, concerned, wait: false }, begun);
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
}

export type TransactionalWrite = {
  readonly now: number;
  readonly rooms: readonly RoomBatch[];
  readonly concerned: readonly Projection[];
  /** The caller holds the rooms' locks already. */
  readonly wait: boolean;
};

/** Writes inside the transaction that has begun, and commits it. */
export async function writeInside(
  client: DatabaseClient,
  tx: Tx,
  { now, rooms, concerned, wait }: TransactionalWrite,
  begun: Promise<unknown> = Promise.resolve(),
): Promise<BatchOutcome> {
  const rows = rooms.map((room) => room.rows);
  const [, status] = await Promise.all([begun, persistHeavy(tx, now, rows, wait)]);
  const written = rooms.filter((_, index) => status[index] === 0);
  if (written.length === 0) {
    await client.query('rollback');
    return { statuses: status.map(statusOf), firstPos: 0 };
  }
  const events = written.flatMap(projected);
  if (events.length <= projectedAtOnce) await project(tx, concerned, events);
  else for (const some of piecesOf(membersLast(events), projectedAtOnce)) await project(tx, concerned, some);
  await noteGaps(tx, written);
  for (const { works } of written) {
    for (const entry of works) {
      await entry.work.request.alongside?.(tx, resultOf(entry));
      if (entry.built.events.some(({ leavesNodes }) => leavesNodes)) await askForCollection(tx, entry.built.view, now);
    }
  }
  // Together, so that nothing of this process can come between taking the stream's lock and giving it back.
  const flushed = persistFlush(tx, now, rows, status);
  const committed = client.query('commit');
  const [flush, commit] = await Promise.allSettled([flushed, committed]);
  if (flush.status === 'rejected') throw flush.reason;
  if (commit.status === 'rejected') throw commit.reason;
  return { statuses: status.map(statusOf), firstPos: flush.value };
}

async function project(tx: Tx, concerned: readonly Projection[], events: readonly ProjectedEvent[]): Promise<void> {
  // On a connection that pipelines they leave together and run one after the other.
  await Promise.all(
    concerned.map(async (projection) => {
      const own = events.filter((event) => projection.concerns(event));
      if (own.length > 0) await projection.apply(tx, own);
    }),
  );
}

/** The state of a large room that is entered comes in pieces, so that other requests have their turn. */
const projectedAtOnce = 1_000;

/** What members are counted and listed with is there by then. */
function membersLast(events: readonly ProjectedEvent[]): ProjectedEvent[] {
  const isMember = ({ event, isNew }: ProjectedEvent): boolean => event.type === 'm.room.member' && !isNew;
  return [...events.filter((own) => !isMember(own)), ...events.filter(isMember)];
}

/** What comes fills the gaps in which it was missing, and makes those behind it. Most batches have neither. */
async function noteGaps(tx: Tx, rooms: readonly RoomBatch[]): Promise<void> {
  for (const { rows, works } of rooms) {
    const events = works.flatMap(({ built }) => built.events);
    const come = events.filter(({ row }) => row.isMentioned).map(({ row }) => row.eventNid);
    if (come.length > 0) await deleteGapsOf(tx, rows.roomNid, come);
    for (const { row, hasGapBefore, entry } of events) {
      if (row.roomOrder === null) continue;
      if (hasGapBefore) await persistGaps(tx, rows.roomNid, row.roomOrder, row.prevNids);
      if (entry !== undefined) await writeEntry(tx, rows.roomNid, row.roomOrder);
    }
  }
}

export function projectionsOf(rooms: readonly RoomBatch[], projections: readonly Projection[]): readonly Projection[] {
  const events = rooms.flatMap(projected);
  return projections.filter((projection) => events.some((event) => projection.concerns(event)));
}

function projected(room: RoomBatch): ProjectedEvent[] {
  return room.works.flatMap(({ built }) =>
    built.events
      .filter(({ row }) => row.status === 'accepted')
      .flatMap(({ event, row, replaced, levels, earlyRedactions, isState, sending, resolved, entry }) => {
        const { view } = built;
        const entries = resolved.map(({ event, eventNid, replaced, membership }) => {
          const change = { event, row: { eventNid, membership }, replaced };
          return {
            ...change,
            levels,
            view,
            isNew: false,
            sending: 'theirs' as const,
            earlyRedactions: [],
            isState: true,
          };
        });
        const own = { event, row, levels, replaced: replaced?.event, view, entry };
        return [{ ...own, isNew: true, sending, earlyRedactions, isState }, ...entries];
      }),
  );
}

const hasAlongside = ({ work }: RoomBatch['works'][number]): boolean => work.request.alongside !== undefined;
