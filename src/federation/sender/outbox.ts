/** Owns the writes of the sender: all that waits goes into one transaction, which first asks whether the sending is still ours. */
import { createBatcher } from '#core/batcher.ts';
import type { Clock } from '#core/clock.ts';
import { Quota } from '#core/quota.ts';
import type { Database, Tx } from '#storage/database.ts';
import type { DestinationPositions } from '#storage/federation/find-outbox.ts';
import {
  persistCaughtUp,
  persistMissedRooms,
  persistPositions,
  type MissedRoom,
} from '#storage/federation/write-outbox.ts';
import type { IsOwner } from '#storage/lease-holder.ts';
import {
  persistAcknowledged,
  persistTransactions,
  receiverKinds,
  type OutgoingTransaction,
} from '#storage/outgoing-transactions.ts';
import { persistFailing, persistReached, type FailingServer } from '#storage/federation/failing-servers.ts';
import { persistCursor } from '#storage/stream-cursors.ts';

/** What one server's sending has come to, or what the reading of the stream has. */
export type OutboxWrite = {
  readonly acknowledged?: Omit<OutgoingTransaction, 'body'> | undefined;
  /** Written before it is sent, with the positions after it, so that whoever sends it again sends the same. */
  readonly formed?: OutgoingTransaction | undefined;
  readonly positions?: (DestinationPositions & { readonly serverName: string }) | undefined;
  readonly missed?: readonly MissedRoom[];
  /** A server that has missed nothing any more. */
  readonly caughtUp?: string | undefined;
  /** A server that was not reached, or, by name alone, one that is reached again. */
  readonly failing?: FailingServer | undefined;
  readonly reached?: string | undefined;
  readonly cursor?: { readonly from: number; readonly to: number } | undefined;
};

/** Another process sends now. */
export class SendingTaken extends Error {
  override name = 'SendingTaken';
}

export const cursorName = 'federation_sender';

const BATCH_MAX = 200;

/** Resolves when it is committed. */
export type WriteOutbox = (write: OutboxWrite) => Promise<void>;

export function createOutbox(parts: {
  readonly database: Database;
  readonly clock: Clock;
  readonly isOwner: () => IsOwner;
}): WriteOutbox {
  type Item = { readonly write: OutboxWrite; readonly resolve: () => void; readonly reject: (error: unknown) => void };
  const batcher = createBatcher<Item>({
    batchMax: BATCH_MAX,
    // One per server, and one more: they are bounded where servers are.
    waiting: new Quota('federation_outbox', Infinity),
    run: async (items) => {
      try {
        const isOwner = parts.isOwner();
        const writes = items.map(({ write }) => write);
        await parts.database.transaction(async (tx) => {
          if (!(await isOwner(tx))) throw new SendingTaken('Another process sends to other servers now.');
          await persistWrites(tx, writes, parts.clock.now());
        });
        for (const { resolve } of items) resolve();
      } catch (error) {
        for (const { reject } of items) reject(error);
      }
    },
  });
  return (write) => new Promise((resolve, reject) => void batcher.add({ write, resolve, reject }));
}

async function persistWrites(tx: Tx, writes: readonly OutboxWrite[], now: number): Promise<void> {
  const { server } = receiverKinds;
  await persistAcknowledged(
    tx,
    server,
    writes.flatMap(({ acknowledged }) => acknowledged ?? []),
  );
  await persistTransactions(
    tx,
    server,
    writes.flatMap(({ formed }) => formed ?? []),
    now,
  );
  await persistPositions(
    tx,
    writes.flatMap(({ positions }) => positions ?? []),
  );
  await persistMissedRooms(tx, newestOf(writes.flatMap(({ missed }) => missed ?? [])));
  // Of one server in one batch this comes last: nothing is noted as missed while it is caught up with.
  await persistCaughtUp(
    tx,
    writes.flatMap(({ caughtUp }) => caughtUp ?? []),
  );
  await persistReached(
    tx,
    writes.flatMap(({ reached }) => reached ?? []),
  );
  await persistFailing(
    tx,
    writes.flatMap(({ failing }) => failing ?? []),
  );
  for (const { cursor } of writes) {
    if (cursor !== undefined && !(await persistCursor(tx, cursorName, cursor.from, cursor.to))) {
      throw new SendingTaken('Another process has read on.');
    }
  }
}

/** Of a server and a room the last word counts. */
function newestOf(missed: readonly MissedRoom[]): MissedRoom[] {
  return [...new Map(missed.map((entry) => [`${entry.roomNid} ${entry.serverName}`, entry])).values()];
}
