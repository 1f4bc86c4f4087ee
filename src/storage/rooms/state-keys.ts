/** Owns looking up the numeric ids of state keys that exist; the writer of events makes new ones. */
import { BoundedMap } from '#core/bounded-map.ts';
import { statement, type ReadTx } from '#storage/database.ts';

export type StateKeyName = { readonly type: string; readonly stateKey: string };

type KeyRow = { key_nid: number; type: string; state_key: string };

const selectNids = statement<KeyRow>(
  'find_state_key_nids',
  `select k.key_nid, k.type, k.state_key
   from unnest($1::text[], $2::text[]) as wanted(type, state_key) join state_keys k using (type, state_key)`,
);
const selectNames = statement<KeyRow>(
  'find_state_key_names',
  `select key_nid, type, state_key from state_keys where key_nid = any($1::bigint[])`,
);

type KeyCache = { readonly nids: BoundedMap<string, number>; readonly names: BoundedMap<number, StateKeyName> };

// Per database, because tests open several.
const caches = new WeakMap<ReadTx, KeyCache>();

function cacheOf(db: ReadTx): KeyCache {
  let cache = caches.get(db);
  if (cache === undefined) {
    cache = { nids: new BoundedMap({ sizeMax: 50_000 }), names: new BoundedMap({ sizeMax: 50_000 }) };
    caches.set(db, cache);
  }
  return cache;
}

/** One string for a pair; the length in front makes it unambiguous. */
function joined(type: string, stateKey: string): string {
  return `${type.length}:${type}${stateKey}`;
}

function remember(cache: KeyCache, rows: readonly KeyRow[]): void {
  for (const row of rows) {
    cache.nids.set(joined(row.type, row.state_key), row.key_nid);
    cache.names.set(row.key_nid, { type: row.type, stateKey: row.state_key });
  }
}

/** The ids of keys, parallel to what is asked; undefined for a key that no room ever had. */
export async function findStateKeys(
  db: ReadTx,
  pairs: readonly (readonly [type: string, stateKey: string])[],
): Promise<(number | undefined)[]> {
  const cache = cacheOf(db);
  // Postgres text holds no NUL, so no such key exists; asking would be an error.
  const known = pairs.map((pair) => cache.nids.get(joined(...pair)));
  const missing = pairs.filter(
    (pair, at) => known[at] === undefined && !pair[0].includes('\0') && !pair[1].includes('\0'),
  );
  if (missing.length === 0) return known;
  const rows = await db.query(selectNids, [missing.map(([type]) => type), missing.map(([, key]) => key)]);
  remember(cache, rows);
  const found = new Map(rows.map((row) => [joined(row.type, row.state_key), row.key_nid]));
  return pairs.map((pair, at) => known[at] ?? found.get(joined(...pair)));
}

/** The names of keys by id. */
export async function findStateKeyNames(
  db: ReadTx,
  nids: readonly number[],
): Promise<ReadonlyMap<number, StateKeyName>> {
  const cache = cacheOf(db);
  const names = new Map<number, StateKeyName>();
  const missing: number[] = [];
  for (const nid of nids) {
    const name = cache.names.get(nid);
    if (name === undefined) missing.push(nid);
    else names.set(nid, name);
  }
  if (missing.length === 0) return names;
  const rows = await db.query(selectNames, [missing]);
  remember(cache, rows);
  for (const row of rows) names.set(row.key_nid, { type: row.type, stateKey: row.state_key });
  return names;
}
