/** Owns the epoch that this database is in, and what positions of earlier epochs mean in it. */
import type { Clock } from '#core/clock.ts';
import type { Database, Tx } from '#storage/database.ts';
import {
  beginTokenEpoch,
  findDatabaseIdentity,
  findTokenEpochs,
  lockTokenEpochs,
  type EpochRow,
} from '#storage/streams/token-epochs.ts';
import { mapPositions, type StreamPositions, type SyncToken } from '#streams/sync-token.ts';

export type TokenEpochs = {
  readonly current: number;
  /** Positions as they are today: those of an epoch that ended are no greater than where it ended. Undefined if unknown. */
  positionsInEpoch(token: SyncToken): StreamPositions | undefined;
  /** Reads the epochs again: another process may have begun one. */
  refresh(): Promise<void>;
};

export type NewEpochParts = {
  readonly clock: Clock;
  /** Run in the transaction that begins an epoch: what was done since the state that came back has happened all the same. */
  readonly onNewEpoch?: (tx: Tx) => Promise<void>;
};

export type TokenEpochsParts = NewEpochParts & { readonly database: Database };

/**
 * Begins an epoch where the operator says, or a restore knows, that the database holds an earlier state of itself. Servers
 * that run meanwhile do not notice.
 */
export async function beginNewEpoch({ clock, onNewEpoch }: NewEpochParts, tx: Tx): Promise<void> {
  await lockTokenEpochs(tx);
  await beginTokenEpoch(tx, await findDatabaseIdentity(tx), clock.now());
  await onNewEpoch?.(tx);
}

/** Reads the epochs; begins one if the database is new, was restored elsewhere or runs on another timeline. */
export async function openTokenEpochs(parts: TokenEpochsParts): Promise<TokenEpochs> {
  const { database } = parts;
  const identity = await findDatabaseIdentity(database);
  const isCurrent = (row: EpochRow | undefined): row is EpochRow =>
    row?.system_identifier === identity.systemIdentifier && row.timeline_id === identity.timelineId;
  let rows = await findTokenEpochs(database);
  if (!isCurrent(rows.at(-1))) {
    rows = await database.transaction(async (tx: Tx) => {
      await lockTokenEpochs(tx);
      if (!isCurrent((await findTokenEpochs(tx)).at(-1))) await beginNewEpoch(parts, tx);
      return findTokenEpochs(tx);
    });
  }
  const endsOf = (all: readonly EpochRow[]) => new Map(all.map((row) => [row.epoch, row.ended_positions]));
  let ends = endsOf(rows);
  return {
    get current() {
      return rows.at(-1)?.epoch ?? 0;
    },
    positionsInEpoch({ epoch, positions }) {
      const ended = ends.get(epoch);
      if (ended === undefined) return undefined;
      return ended === null ? positions : mapPositions(positions, (pos, index) => Math.min(pos, ended[index] ?? 0));
    },
    async refresh() {
      rows = await findTokenEpochs(database);
      ends = endsOf(rows);
    },
  };
}
