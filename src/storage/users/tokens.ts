/** Owns writing access tokens and refresh tokens. Whoever writes them has locked the row of their device before. */
import { statement, type Tx } from '#storage/database.ts';

const deleteTokens = statement<never>(
  'delete_device_tokens',
  `with refresh as (delete from refresh_tokens where device_nid = any($1::bigint[]))
   delete from access_tokens where device_nid = any($1::bigint[])`,
);

/** Deletes all tokens of devices. */
export async function deleteTokensOf(tx: Tx, deviceNids: readonly number[]): Promise<void> {
  await tx.query(deleteTokens, [deviceNids]);
}

/**
 * Tokens of one device. Each refresh makes a generation, and the first use of one ends the ones before it. Times are
 * milliseconds since the Unix epoch.
 */
export type NewTokens = {
  readonly userNid: number;
  readonly deviceNid: number;
  readonly generation: number;
  readonly accessTokenHash: Buffer;
  /** When the access token ends; never if undefined. */
  readonly expiresAt: number | undefined;
  readonly refreshTokenHash: Buffer | undefined;
  readonly createdAt: number;
};

const insertTokens = statement<never>(
  'insert_tokens',
  `with refresh as (
     insert into refresh_tokens (token_hash, user_nid, device_nid, generation, created_at)
     select $6, $2, $3, $4, $7 where $6::bytea is not null)
   insert into access_tokens (token_hash, user_nid, device_nid, generation, is_unused, expires_at, created_at)
   values ($1, $2, $3, $4, $4 > 0, $5, $7)`,
);

async function persistTokens(tx: Tx, tokens: NewTokens): Promise<void> {
  const { accessTokenHash, userNid, deviceNid, generation, expiresAt, refreshTokenHash, createdAt } = tokens;
  const values = [accessTokenHash, userNid, deviceNid, generation, expiresAt ?? null, refreshTokenHash ?? null];
  await tx.query(insertTokens, [...values, createdAt]);
}

/** Makes them the only tokens of their device. */
export async function replaceTokens(tx: Tx, tokens: NewTokens): Promise<void> {
  await deleteTokensOf(tx, [tokens.deviceNid]);
  await persistTokens(tx, tokens);
}

const deleteGeneration = statement<never>(
  'delete_token_generation',
  `with refresh as (delete from refresh_tokens where device_nid = $1 and generation = $2)
   delete from access_tokens where device_nid = $1 and generation = $2`,
);

/** Adds a generation in place of one with the same number, which no client has used. */
export async function persistNextTokens(tx: Tx, tokens: NewTokens): Promise<void> {
  await tx.query(deleteGeneration, [tokens.deviceNid, tokens.generation]);
  await persistTokens(tx, tokens);
}

const endEarlier = statement<never>(
  'end_earlier_tokens',
  `with access as (delete from access_tokens where device_nid = $1 and generation < $2),
     gone as (delete from refresh_tokens where device_nid = $1 and generation < $2 - 1)
   update refresh_tokens set is_revoked = true where device_nid = $1 and generation = $2 - 1`,
);

/** Ends the generations before this one. The refresh token of the last of them is kept, so that a replay is noticed. */
export async function endEarlierTokens(tx: Tx, deviceNid: number, generation: number): Promise<void> {
  await tx.query(endEarlier, [deviceNid, generation]);
}

const markUsed = statement<{ generation: number }>(
  'mark_access_token_used',
  'update access_tokens set is_unused = false where token_hash = $1 returning generation',
);

/** Notes the first use of an access token; gives its generation, or undefined when it was replaced meanwhile. */
export async function markAccessTokenUsed(tx: Tx, tokenHash: Buffer): Promise<number | undefined> {
  return (await tx.query(markUsed, [tokenHash]))[0]?.generation;
}

const expireTokens = statement<never>(
  'expire_device_tokens',
  `with refresh as (delete from refresh_tokens where device_nid = $1)
   update access_tokens set expires_at = least(expires_at, $2) where device_nid = $1`,
);

/** Ends all tokens of a device, so that its client has to log in again but keeps what it has. */
export async function expireTokensOf(tx: Tx, deviceNid: number, now: number): Promise<void> {
  await tx.query(expireTokens, [deviceNid, now]);
}
