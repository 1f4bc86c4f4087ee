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
};

export type TokenEpochsParts = {
  readonly database: Database;
  readonly clock: Clock;
  /** Run in the transaction that begins an epoch: what was done since the state that came back has happened all the same. */
  readonly onNewEpoch?: (tx: Tx) => Promise<void>;
};

/** Reads the epochs; begins one if the database is new, was restored elsewhere or runs on another timeline. */
export async function openTokenEpochs(parts: TokenEpochsParts): Promise<TokenEpochs> {
  const { database, clock } = parts;
  const identity = await findDatabaseIdentity(database);
  const isCurrent = (row: EpochRow | undefined): row is EpochRow =>
    row?.system_identifier === identity.systemIdentifier && row.timeline_id === identity.timelineId;
  let rows = await findTokenEpochs(database);
  if (!isCurrent(rows.at(-1))) {
    rows = await database.transaction(async (tx: Tx) => {
      await lockTokenEpochs(tx);
      if (!isCurrent((await findTokenEpochs(tx)).at(-1))) {
        await beginTokenEpoch(tx, identity, clock.now());
        await parts.onNewEpoch?.(tx);
      }
      return findTokenEpochs(tx);
    });
  }
  const ends = new Map(rows.map((row) => [row.epoch, row.ended_positions]));
  return {
    current: rows.at(-1)?.epoch ?? 0,
    positionsInEpoch({ epoch, positions }) {
      const ended = ends.get(epoch);
      if (ended === undefined) return undefined;
      return ended === null ? positions : mapPositions(positions, (pos, index) => Math.min(pos, ended[index] ?? 0));
    },
  };
}
