/** Owns the table of epochs: the spans of the database's life within which stream positions can be compared. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** Which database this is: a copy that went its own way has another identifier or another timeline. */
export type DatabaseIdentity = { readonly systemIdentifier: string; readonly timelineId: number };
export type EpochRow = {
  readonly epoch: number;
  readonly system_identifier: string;
  readonly timeline_id: number;
  /** A position for each of the five streams, in the order of sync tokens. */
  readonly ended_positions: readonly number[] | null;
};

const controlAllowed = statement<{ allowed: boolean }>(
  'is_control_data_allowed',
  `select has_function_privilege('pg_control_system()', 'execute')
     and has_function_privilege('pg_walfile_name(pg_lsn)', 'execute') as allowed`,
);
// The name of the present WAL file starts with the timeline. `pg_control_checkpoint()` would tell it only after the first
// checkpoint that follows a promotion.
const identity = statement<{ system_identifier: string; timeline_id: number }>(
  'find_database_identity',
  `select system_identifier::text, ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::bigint as timeline_id
   from pg_control_system()`,
);
const ownIdentity = statement<{ system_identifier: string }>(
  'find_own_database_identity',
  `select 'database ' || oid::text as system_identifier from pg_database where datname = current_database()`,
);

/**
 * Both functions are open to every role unless an operator has revoked them. Then the database's own number has to do:
 * it changes when a dump is restored, but not by a promotion or a restored disk.
 */
export async function findDatabaseIdentity(db: ReadTx): Promise<DatabaseIdentity> {
  const [rights] = await db.query(controlAllowed, []);
  const [full] = rights?.allowed === true ? await db.query(identity, []) : [];
  if (full !== undefined) return { systemIdentifier: full.system_identifier, timelineId: full.timeline_id };
  const [own] = await db.query(ownIdentity, []);
  return { systemIdentifier: own?.system_identifier ?? 'database', timelineId: 0 };
}

const lockEpochs = statement<unknown>('lock_token_epochs', 'lock table token_epochs in share row exclusive mode');
const epochs = statement<EpochRow>(
  'find_token_epochs',
  'select epoch, system_identifier, timeline_id, ended_positions from token_epochs order by epoch',
);
const endEpochs = statement<{ epoch: number }>(
  'end_token_epochs',
  `update token_epochs set ended_positions = array[(select coalesce(max(pos), 0) from events where pos is not null),
     stream_position(2), stream_position(3), stream_position(4), stream_position(5)]
   where ended_positions is null
   returning epoch`,
);
// Beyond whatever the streams may have reached since the state that came back, so that no position is given twice: other
// servers for one take no news of a device under a number that they have seen. A sequence keeps its value if the
// transaction fails, which is harmless.
const leap = statement<unknown>(
  'leap_stream_positions',
  `select setval('events_pos', nextval('events_pos') + $1::bigint),
     setval('user_data_pos', nextval('user_data_pos') + $1::bigint),
     setval('to_device_pos', nextval('to_device_pos') + $1::bigint),
     setval('device_lists_pos', nextval('device_lists_pos') + $1::bigint),
     setval('ephemeral_pos', nextval('ephemeral_pos') + $1::bigint)`,
);
// Named by the time at which it begins, as two restores of one backup are two lives, and a token of the one must not pass
// for one of the other.
const beginEpoch = statement<unknown>(
  'begin_token_epoch',
  `insert into token_epochs (epoch, system_identifier, timeline_id, started_at)
   select greatest(max(epoch) + 1, $3::bigint), $1::text, $2::bigint, $3::bigint from token_epochs`,
);

/** All epochs, oldest first. */
export function findTokenEpochs(db: ReadTx): Promise<EpochRow[]> {
  return db.query(epochs, []);
}

/** Keeps other processes from beginning the same epoch until the transaction ends. */
export async function lockTokenEpochs(tx: Tx): Promise<void> {
  await tx.query(lockEpochs, []);
}

/** As many positions as a server that writes a thousand a second takes in four months. */
const LEAP = 10_000_000_000;

/** Ends all epochs where the streams stand, leaves positions out behind them, and begins the one of this database. */
export async function beginTokenEpoch(
  tx: Tx,
  { systemIdentifier, timelineId }: DatabaseIdentity,
  now: number,
): Promise<void> {
  const ended = await tx.query(endEpochs, []);
  if (ended.length > 0) await tx.query(leap, [LEAP]);
  await tx.query(beginEpoch, [systemIdentifier, timelineId, now]);
}
