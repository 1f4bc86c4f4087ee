/** Owns the signing keys of other servers, and the documents by which they were last published. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** Times are milliseconds since 1970. */
export type StoredServerKey = {
  readonly keyId: string;
  /** 32 bytes. */
  readonly publicKey: Buffer;
  /** Until when it may be relied on; null for one that its server uses no more. */
  readonly validUntilTs: number | null;
  /** Since when its server uses it no more; null while it does. */
  readonly expiredTs: number | null;
  readonly fetchedAt: number;
};

export type KeyDocument = {
  /** JSON text, with the signatures of the server that it is about. */
  readonly document: string;
  readonly validUntilTs: number;
  readonly fetchedAt: number;
};

/** What was published, to be kept. */
export type PublishedRows = KeyDocument & {
  readonly serverName: string;
  readonly keys: readonly Omit<StoredServerKey, 'fetchedAt'>[];
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
const selectDocument = statement<KeyDocument>(
  'select_server_key_document',
  `select document, valid_until_ts as "validUntilTs", fetched_at as "fetchedAt"
   from server_key_documents where server_name = $1`,
);
const listed = `select $1, k.key_id, decode(k.public_key, 'base64'), k.valid_until_ts, k.expired_ts, $6
   from unnest($2::text[], $3::text[], $4::bigint[], $5::bigint[]) as k (key_id, public_key, valid_until_ts, expired_ts)
   order by k.key_id`;
const upsertKeys = statement<never>(
  'upsert_server_keys',
  `insert into server_keys (server_name, key_id, public_key, valid_until_ts, expired_ts, fetched_at)
   ${listed}
   on conflict (server_name, key_id) do update
   set public_key = excluded.public_key, valid_until_ts = excluded.valid_until_ts,
     expired_ts = excluded.expired_ts, fetched_at = excluded.fetched_at
   where server_keys.fetched_at <= excluded.fetched_at`,
);
// Another key under a known id is not believed, and neither is that a known key is over.
const insertVouchedKeys = statement<never>(
  'insert_vouched_server_keys',
  `insert into server_keys as known (server_name, key_id, public_key, valid_until_ts, expired_ts, fetched_at)
   ${listed}
   on conflict (server_name, key_id) do update
   set valid_until_ts = excluded.valid_until_ts, fetched_at = excluded.fetched_at
   where known.public_key = excluded.public_key and known.expired_ts is null and excluded.expired_ts is null
     and known.valid_until_ts < excluded.valid_until_ts`,
);
const upsertDocument = statement<never>(
  'upsert_server_key_document',
  `insert into server_key_documents (server_name, document, valid_until_ts, fetched_at) values ($1, $2, $3, $4)
   on conflict (server_name) do update
   set document = excluded.document, valid_until_ts = excluded.valid_until_ts, fetched_at = excluded.fetched_at
   where server_key_documents.fetched_at <= excluded.fetched_at`,
);

// A key that is not listed any more is good for what was signed before.
const withdrawKeys = statement<never>(
  'withdraw_server_keys',
  `update server_keys set valid_until_ts = $3
   where server_name = $1 and key_id <> all($2::text[]) and valid_until_ts > $3`,
);

/** All keys that the server has been seen with, newest first. */
export async function findServerKeys(db: ReadTx, serverName: string): Promise<readonly StoredServerKey[]> {
  return db.query(selectKeys, [serverName]);
}

/** What the server itself published last. */
export async function findKeyDocument(db: ReadTx, serverName: string): Promise<KeyDocument | undefined> {
  return (await db.query(selectDocument, [serverName]))[0];
}

/** Keeps what a server has published itself; keys that it no longer lists are kept for what was signed before. */
export async function persistPublishedKeys(tx: Tx, published: PublishedRows): Promise<void> {
  const { serverName, document, validUntilTs, fetchedAt } = published;
  await tx.query(upsertKeys, valuesOf(published));
  await tx.query(withdrawKeys, [serverName, published.keys.map(({ keyId }) => keyId), fetchedAt]);
  await tx.query(upsertDocument, [serverName, document, validUntilTs, fetchedAt]);
}

/** Keeps what somebody else says that a server has published: it adds to what is known, and changes none of it. */
export async function persistVouchedKeys(tx: Tx, published: PublishedRows): Promise<void> {
  await tx.query(insertVouchedKeys, valuesOf(published));
}

function valuesOf({ serverName, keys, fetchedAt }: PublishedRows): unknown[] {
  return [
    serverName,
    keys.map(({ keyId }) => keyId),
    keys.map(({ publicKey }) => publicKey.toString('base64')),
    keys.map(({ validUntilTs }) => validUntilTs),
    keys.map(({ expiredTs }) => expiredTs),
    fetchedAt,
  ];
}
