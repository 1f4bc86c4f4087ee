/** Owns the signing keys of other servers, as they were last published. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StoredServerKey = {
  readonly keyId: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** Until when it may be relied on, in milliseconds since 1970; null for one that its server uses no more. */
  readonly validUntilTs: number | null;
  /** Since when its server uses it no more; null while it does. */
  readonly expiredTs: number | null;
  readonly fetchedAt: number;
};

/** At most the keys that one answer can hold, and those of earlier ones. */
const selectKeys = statement<StoredServerKey>(
  'select_server_keys',
  `select key_id as "keyId", public_key as "publicKey", valid_until_ts as "validUntilTs", expired_ts as "expiredTs",
      fetched_at as "fetchedAt"
   from server_keys
   where server_name = $1
   order by fetched_at desc
   limit 200`,
);

const upsertKeys = statement<never>(
  'upsert_server_keys',
  `insert into server_keys (server_name, key_id, public_key, valid_until_ts, expired_ts, fetched_at)
   select $1, k.key_id, decode(k.public_key, 'base64'), k.valid_until_ts, k.expired_ts, $6
   from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[])
     as k (key_id, public_key, valid_until_ts, expired_ts)
   order by k.key_id
   on conflict (server_name, key_id) do update
   set public_key = excluded.public_key, valid_until_ts = excluded.valid_until_ts,
     expired_ts = excluded.expired_ts, fetched_at = excluded.fetched_at
   where server_keys.fetched_at <= excluded.fetched_at`,
);

/** All keys that the server has been seen with, newest first. */
export async function findServerKeys(db: ReadTx, serverName: string): Promise<readonly StoredServerKey[]> {
  return db.query(selectKeys, [serverName]);
}

/** Keeps what a server has published at `fetchedAt`; keys that it no longer lists stay as they are. */
export async function persistServerKeys(
  db: ReadTx,
  serverName: string,
  keys: readonly Omit<StoredServerKey, 'fetchedAt'>[],
  fetchedAt: number,
): Promise<void> {
  await db.query(upsertKeys, [
    serverName,
    keys.map(({ keyId }) => keyId),
    keys.map(({ publicKey }) => publicKey.toString('base64')),
    keys.map(({ validUntilTs }) => validUntilTs),
    keys.map(({ expiredTs }) => expiredTs),
    fetchedAt,
  ]);
}
