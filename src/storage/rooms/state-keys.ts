/** Owns looking up the numeric ids of state keys that exist; the writer of events makes new ones. */
import { BoundedMap } from '#core/bounded-map.ts';
import { statement, type ReadTx } from '#storage/database.ts';
import { joinedKey } from '#matrix/joined-key.ts';

type KeyRow = { key_nid: number; type: string; state_key: string };

const selectNids = statement<KeyRow>(
  'find_state_key_nids',
  `select k.key_nid, k.type, k.state_key
   from unnest($1::text[], $2::text[]) as wanted(type, state_key) join state_keys k using (type, state_key)`,
);
// Per database, because tests open several.
const caches = new WeakMap<ReadTx, BoundedMap<string, number>>();

function cacheOf(db: ReadTx): BoundedMap<string, number> {
  let cache = caches.get(db);
  if (cache === undefined) caches.set(db, (cache = new BoundedMap({ sizeMax: 50_000 })));
  return cache;
}

/** The ids of keys, parallel to what is asked; undefined for a key that no room ever had. */
export async function findStateKeys(
  db: ReadTx,
  pairs: readonly (readonly [type: string, stateKey: string])[],
): Promise<(number | undefined)[]> {
  const cache = cacheOf(db);
  // Postgres text holds no NUL, so no such key exists; asking would be an error.
  const known = pairs.map((pair) => cache.get(joinedKey(...pair)));
  const missing = pairs.filter(
    (pair, at) => known[at] === undefined && !pair[0].includes('\0') && !pair[1].includes('\0'),
  );
  if (missing.length === 0) return known;
  const rows = await db.query(selectNids, [missing.map(([type]) => type), missing.map(([, key]) => key)]);
  for (const row of rows) cache.set(joinedKey(row.type, row.state_key), row.key_nid);
  const found = new Map(rows.map((row) => [joinedKey(row.type, row.state_key), row.key_nid]));
  return pairs.map((pair, at) => known[at] ?? found.get(joinedKey(...pair)));
}
