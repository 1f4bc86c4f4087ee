/** Owns writing one-time keys and fallback keys. */
import { statement, type Tx } from '#storage/database.ts';

export type NewOneTimeKeys = {
  readonly deviceNid: number;
  readonly keys: readonly { readonly algorithm: string; readonly keyId: string; readonly json: string }[];
};

// The last select sees what was there before: a claimed key is kept for a day, so that a repeated upload cannot revive it.
const insertKeys = statement<{ name: string }>(
  'insert_one_time_keys',
  `with given as (
     select * from unnest($2::text[], $3::text[], $4::text[]) with ordinality as g (algorithm, key_id, key_json, n)),
   added as (
     insert into one_time_keys (device_nid, algorithm, key_id, key_json)
     select $1::bigint, algorithm, key_id, key_json from given order by n
     on conflict (device_nid, algorithm, key_id) do nothing)
   select g.algorithm || ':' || g.key_id as name
   from given g join one_time_keys o on o.device_nid = $1::bigint and o.algorithm = g.algorithm and o.key_id = g.key_id
   where o.key_json <> g.key_json
   limit 1`,
);

/** Adds the keys that are new. Gives the name of a key that the device has already with another value. */
export async function persistOneTimeKeys(tx: Tx, { deviceNid, keys }: NewOneTimeKeys): Promise<string | undefined> {
  const [conflict] = await tx.query(insertKeys, [
    deviceNid,
    keys.map(({ algorithm }) => algorithm),
    keys.map(({ keyId }) => keyId),
    keys.map(({ json }) => json),
  ]);
  return conflict?.name;
}

// Reads the rows of one device. Unclaimed keys come first, so that claimed ones have the places after them.
const prune = statement<never>(
  'prune_one_time_keys',
  `delete from one_time_keys o using (
     select algorithm, key_id, row_number() over (
       partition by algorithm order by (claimed_at is null) desc, upload_order desc) as place
     from one_time_keys where device_nid = $1) r
   where o.device_nid = $1 and o.algorithm = r.algorithm and o.key_id = r.key_id
     and (o.claimed_at < $2 or r.place > case when o.claimed_at is null then $3::bigint else $4::bigint end)`,
);

export type KeysKept = {
  /** Keys that were claimed before this time are forgotten. */
  readonly claimedSince: number;
  /** So many of the newest unclaimed keys of each algorithm stay. */
  readonly unclaimedMax: number;
  /** And so many with the claimed ones. */
  readonly allMax: number;
};

/** Forgets what a device has too much of, the oldest first. */
export async function pruneOneTimeKeys(tx: Tx, deviceNid: number, kept: KeysKept): Promise<void> {
  await tx.query(prune, [deviceNid, kept.claimedSince, kept.unclaimedMax, kept.allMax]);
}

const upsertFallback = statement<never>(
  'upsert_fallback_keys',
  `insert into fallback_keys as f (device_nid, algorithm, key_id, key_json)
   select $1::bigint, g.* from unnest($2::text[], $3::text[], $4::text[]) as g
   on conflict (device_nid, algorithm) do update
     set key_id = excluded.key_id, key_json = excluded.key_json, is_used = false
     where f.key_id <> excluded.key_id or f.key_json <> excluded.key_json`,
);

/** Stores one key for each algorithm. The same key again stays used, if it was. */
export async function persistFallbackKeys(
  tx: Tx,
  deviceNid: number,
  keys: readonly { readonly algorithm: string; readonly keyId: string; readonly json: string }[],
): Promise<void> {
  await tx.query(upsertFallback, [
    deviceNid,
    keys.map(({ algorithm }) => algorithm),
    keys.map(({ keyId }) => keyId),
    keys.map(({ json }) => json),
  ]);
}

const selectAlgorithms = statement<{ algorithm: string }>(
  'select_key_algorithms',
  `select algorithm from one_time_keys where device_nid = $1
   union select algorithm from fallback_keys where device_nid = $1`,
);

/** How many algorithms the one-time keys and fallback keys of a device have. */
export async function countKeyAlgorithms(tx: Tx, deviceNid: number): Promise<number> {
  return (await tx.query(selectAlgorithms, [deviceNid])).length;
}
