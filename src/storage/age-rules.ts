/**
 * Owns the rules by which rows go that have become too old: one for each table of which docs/data.md says so. This is the
 * one place that deletes from tables of several owners; what a rule says is the owner's word, written down there.
 */
import { statement, type ReadTx } from '#storage/database.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;

export type AgeRule = {
  readonly table: string;
  /** The column that holds since when the row ages, or when it is over. */
  readonly column: string;
  /** Rows of which this holds too; the others stay. */
  readonly where?: string;
  /** A row goes when its column lies further back. */
  readonly keptMs: number;
  /** Rows that one statement removes at most: a fraction of a second. */
  readonly batchMax: number;
  /** How often it is looked for more. */
  readonly intervalMs: number;
};

const often = { batchMax: 1_000, intervalMs: MINUTE_MS };
const hourly = { batchMax: 1_000, intervalMs: HOUR_MS };

export const ageRules: readonly AgeRule[] = [
  // The index by time is a coarse one: each look reads the newest pages too, so that it should be worth it.
  { table: 'replay_keys', column: 'created_at', keptMs: DAY_MS, batchMax: 5_000, intervalMs: HOUR_MS },
  { table: 'reports', column: 'created_at', keptMs: 365 * DAY_MS, ...hourly },
  { table: 'login_tokens', column: 'expires_at', keptMs: 0, ...often },
  { table: 'openid_tokens', column: 'expires_at', keptMs: 0, ...often },
  { table: 'uia_sessions', column: 'created_at', keptMs: HOUR_MS, ...often },
  { table: 'to_device_transactions', column: 'created_at', keptMs: DAY_MS, ...hourly },
  // Whoever has heard nothing for so long asks anew when they hear something.
  { table: 'to_device_outbox', column: 'created_at', keptMs: 30 * DAY_MS, ...hourly },
  { table: 'received_messages', column: 'received_at', keptMs: 7 * DAY_MS, ...hourly },
  { table: 'device_list_updates', column: 'changed_at', where: 'is_deleted', keptMs: 30 * DAY_MS, ...hourly },
  // By then every process has read that they stopped.
  { table: 'typing', column: 'expires_at', where: 'not is_typing', keptMs: MINUTE_MS, ...often },
  { table: 'sliding_connections', column: 'used_at', keptMs: 7 * DAY_MS, ...hourly },
  { table: 'outgoing_transactions', column: 'created_at', keptMs: 30 * DAY_MS, ...hourly },
  { table: 'inbound_transactions', column: 'received_at', keptMs: DAY_MS, ...hourly },
];

/** Removes the next rows that are too old at `now`, oldest first, and gives how many: fewer than a batch is the end. */
export type RemoveOld = (db: ReadTx, now: number) => Promise<number>;

export function removalOf({ table, column, where, keptMs, batchMax }: AgeRule): RemoveOld {
  const condition = `${column} < $1${where === undefined ? '' : ` and ${where}`}`;
  // Rows that somebody is just changing are left for the next time.
  const removal = statement<{ removed: true }>(
    `remove_old_${table}`,
    `delete from ${table} where ctid = any(array(
       select ctid from ${table} where ${condition} order by ${column} limit $2 for update skip locked
     )) returning true as removed`,
  );
  return async (db, now) => (await db.query(removal, [now - keptMs, batchMax])).length;
}
