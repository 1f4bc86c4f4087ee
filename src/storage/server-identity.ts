/** Owns who this server is, as the database remembers it: its name, its signing key and the database's own secret. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const selectNames = statement<{ server_name: string }>('select_local_servers', `select server_name from local_servers`);
const insertName = statement<unknown>(
  'insert_local_server',
  `insert into local_servers (server_name, created_at) values ($1, $2) on conflict do nothing`,
);
const selectKey = statement<{ key_id: string; seed: Buffer }>(
  'select_signing_key',
  `select key_id, seed from signing_keys where server_name = $1 and expired_ts is null order by created_at limit 1`,
);
/** At most the few keys that a server has had in its life. */
const selectExpiredKeys = statement<{ key_id: string; seed: Buffer; expired_ts: number }>(
  'select_expired_signing_keys',
  `select key_id, seed, expired_ts from signing_keys where server_name = $1 and expired_ts is not null order by key_id`,
);
const insertKey = statement<unknown>(
  'insert_signing_key',
  `insert into signing_keys (server_name, key_id, seed, created_at) values ($1, $2, $3, $4)`,
);
const insertSecret = statement<unknown>(
  'insert_server_secret',
  `insert into server_secrets (name, secret) values ($1, $2) on conflict do nothing`,
);
const selectSecret = statement<{ secret: Buffer }>(
  'select_server_secret',
  `select secret from server_secrets where name = $1`,
);
/** One process makes what is missing; the others wait for it and find it made. */
const lockIdentity = statement<unknown>('lock_server_identity', `select pg_advisory_xact_lock(4, 0)`);

/** The server names that this database has served. */
export async function findServerNames(db: ReadTx): Promise<readonly string[]> {
  return (await db.query(selectNames, [])).map((row) => row.server_name);
}

export type StoredKey = { readonly keyId: string; readonly seed: Buffer };

/** The name's signing key, made by `generate` when there is none. Processes over one database sign with the same key. */
export async function ensureSigningKey(
  tx: Tx,
  serverName: string,
  now: number,
  generate: () => StoredKey,
): Promise<StoredKey> {
  await tx.query(lockIdentity, []);
  await tx.query(insertName, [serverName, now]);
  const [row] = await tx.query(selectKey, [serverName]);
  if (row !== undefined) return { keyId: row.key_id, seed: row.seed };
  const made = generate();
  await tx.query(insertKey, [serverName, made.keyId, made.seed, now]);
  return made;
}

/** The name's earlier signing keys, with the time in milliseconds at which each was last used. */
export async function findExpiredKeys(
  db: ReadTx,
  serverName: string,
): Promise<readonly (StoredKey & { readonly expiredTs: number })[]> {
  const rows = await db.query(selectExpiredKeys, [serverName]);
  return rows.map((row) => ({ keyId: row.key_id, seed: row.seed, expiredTs: row.expired_ts }));
}

/** A secret of the database by name, the same for every process; `fresh` is kept if there is none. */
export async function ensureSecret(tx: Tx, name: string, fresh: Buffer): Promise<Buffer> {
  await tx.query(insertSecret, [name, fresh]);
  const [row] = await tx.query(selectSecret, [name]);
  if (row === undefined) throw new Error(`The secret ${name} was not kept.`);
  return row.secret;
}
