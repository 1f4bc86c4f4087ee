/** Owns reading how many keys others can still claim of a device. */
import { statement, type ReadTx } from '#storage/database.ts';

export type KeyCounts = {
  /** By algorithm the number of unclaimed one-time keys; an algorithm without any may be missing. */
  readonly oneTimeKeyCounts: Readonly<Record<string, number>>;
  readonly unusedFallbackAlgorithms: readonly string[];
};

const selectCounts = statement<{ algorithm: string; count: number | null }>(
  'select_key_counts',
  `select algorithm, count(*) as count from one_time_keys
   where device_nid = $1 and claimed_at is null group by algorithm
   union all
   select algorithm, null from fallback_keys where device_nid = $1 and not is_used`,
);

/** Counts the keys of a device; as many index entries are read as it has keys. */
export async function findKeyCounts(db: ReadTx, deviceNid: number): Promise<KeyCounts> {
  const rows = await db.query(selectCounts, [deviceNid]);
  const counts = rows.flatMap(({ algorithm, count }) => (count === null ? [] : [[algorithm, count] as const]));
  return {
    oneTimeKeyCounts: Object.fromEntries(counts),
    unusedFallbackAlgorithms: rows.filter(({ count }) => count === null).map(({ algorithm }) => algorithm),
  };
}
