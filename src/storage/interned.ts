/** Owns the numeric ids of strings that recur: user ids and state keys. */
import { BoundedMap } from '#core/bounded-map.ts';
import { joinedKey, type TypeAndKey } from '#matrix/joined-key.ts';
import { statement, type ReadTx } from '#storage/database.ts';

// One round trip for what is there and what is not. A row that another process inserts meanwhile is in neither part; the
// caller asks again and finds it.
const internUserIds = statement<{ id: string; nid: number }>(
  'intern_users',
  `with wanted as (select distinct id from unnest($1::text[]) as w(id)),
     found as (select u.user_id as id, u.user_nid as nid from wanted w join users u on u.user_id = w.id),
     made as (
       insert into users (user_id) select id from wanted w where not exists (select from found f where f.id = w.id)
       on conflict (user_id) do nothing returning user_id as id, user_nid as nid
     )
   select id, nid from found union all select id, nid from made`,
);
const selectKeys = statement<{ type: string; state_key: string; nid: number }>(
  'select_state_key_nids',
  `select k.type, k.state_key, k.key_nid as nid
   from unnest($1::text[], $2::text[]) as wanted(type, state_key) join state_keys k using (type, state_key)`,
);
const internTypesAndKeys = statement<{ type: string; state_key: string; nid: number }>(
  'intern_state_keys',
  `with wanted as (select distinct type, state_key from unnest($1::text[], $2::text[]) as w(type, state_key)),
     found as (select k.type, k.state_key, k.key_nid as nid from wanted w join state_keys k using (type, state_key)),
     made as (
       insert into state_keys (type, state_key)
       select type, state_key from wanted w
       where not exists (select from found f where f.type = w.type and f.state_key = w.state_key)
       on conflict (type, state_key) do nothing returning type, state_key, key_nid as nid
     )
   select type, state_key, nid from found union all select type, state_key, nid from made`,
);

/**
 * Numeric ids of users and state keys, remembered. Rows are written outside any transaction: one that is never used
 * again takes a few bytes, while one inside a batch could make two batches wait for each other.
 */
export type Interned = {
  /** The id when this process knows it already, without waiting. */
  knownUser(userId: string): number | undefined;
  knownKey(type: string, stateKey: string): number | undefined;
  internUsers(userIds: readonly string[]): Promise<void>;
  internKeys(keys: readonly TypeAndKey[]): Promise<void>;
  /** Like `internKeys`, but keys that no room ever had stay unknown. */
  lookUpKeys(keys: readonly TypeAndKey[]): Promise<void>;
};

export function createInterned(database: ReadTx): Interned {
  const users = new BoundedMap<string, number>({ sizeMax: 100_000 });
  const keys = new BoundedMap<string, number>({ sizeMax: 100_000 });
  const rememberKeys = (rows: readonly { type: string; state_key: string; nid: number }[]): void => {
    for (const row of rows) keys.set(joinedKey(row.type, row.state_key), row.nid);
  };
  const unknownKeys = (wanted: readonly TypeAndKey[]): TypeAndKey[] =>
    wanted.filter(([type, stateKey]) => !keys.has(joinedKey(type, stateKey)));
  const columns = (wanted: readonly TypeAndKey[]): [string[], string[]] => [
    wanted.map(([type]) => type),
    wanted.map(([, stateKey]) => stateKey),
  ];
  const lookUpKeys = async (wanted: readonly TypeAndKey[]): Promise<void> => {
    const missing = unknownKeys(wanted);
    if (missing.length > 0) rememberKeys(await database.query(selectKeys, columns(missing)));
  };
  const internNewUsers = async (userIds: readonly string[]): Promise<void> => {
    for (let tries = 0; tries < triesMax; tries++) {
      const missing = userIds.filter((id) => !users.has(id));
      if (missing.length === 0) return;
      for (const row of await database.query(internUserIds, [missing])) users.set(row.id, row.nid);
    }
  };
  const internNewKeys = async (wanted: readonly TypeAndKey[]): Promise<void> => {
    for (let tries = 0; tries < triesMax; tries++) {
      const missing = unknownKeys(wanted);
      if (missing.length === 0) return;
      rememberKeys(await database.query(internTypesAndKeys, columns(missing)));
    }
  };
  const internUsers = coalesced(internNewUsers, (id) => id);
  const internKeys = coalesced(internNewKeys, ([type, stateKey]) => joinedKey(type, stateKey));
  return {
    knownUser: (userId) => users.get(userId),
    knownKey: (type, stateKey) => keys.get(joinedKey(type, stateKey)),
    lookUpKeys,
    internUsers: (userIds) => (userIds.every((id) => users.has(id)) ? done : internUsers(userIds)),
    internKeys: (wanted) => (unknownKeys(wanted).length === 0 ? done : internKeys(wanted)),
  };
}

/** The second look finds what another process inserted during the first. */
const triesMax = 3;

const done = Promise.resolve();

/**
 * Whatever is asked for while a statement runs goes into the next one: a hundred people who join at once are one insert
 * and one flush to disk.
 */
function coalesced<T>(
  run: (wanted: readonly T[]) => Promise<void>,
  identityOf: (wanted: T) => string,
): (wanted: readonly T[]) => Promise<void> {
  let running: Promise<void> | undefined;
  let next: { readonly wanted: Map<string, T>; readonly result: Promise<void> } | undefined;
  return (wanted) => {
    if (next === undefined) {
      const all = new Map<string, T>();
      const result = (running ?? done)
        .catch(() => undefined)
        .then(() => {
          next = undefined;
          running = run([...all.values()]);
          return running;
        });
      next = { wanted: all, result };
    }
    for (const one of wanted) next.wanted.set(identityOf(one), one);
    return next.result;
  };
}
