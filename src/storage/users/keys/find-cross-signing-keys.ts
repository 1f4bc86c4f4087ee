/** Owns reading cross-signing keys. */
import type { CrossSigningUsage } from '#matrix/cross-signing-keys.ts';
import { statement, type ReadTx } from '#storage/database.ts';
import type { SignedKey } from '#storage/users/keys/find-device-keys.ts';

export type StoredCrossSigningKey = SignedKey & { readonly usage: CrossSigningUsage; readonly publicKey: string };
export type QueriedCrossSigningKey = StoredCrossSigningKey & { readonly userNid: number; readonly userId: string };

const selectOwn = statement<StoredCrossSigningKey>(
  'select_own_cross_signing_keys',
  `select usage, public_key as "publicKey", signed_text as "signedText", signatures
   from cross_signing_keys where user_nid = $1`,
);

/** The keys of one user: three at most. */
export function findOwnCrossSigningKeys(db: ReadTx, userNid: number): Promise<StoredCrossSigningKey[]> {
  return db.query(selectOwn, [userNid]);
}

const selectQueried = statement<QueriedCrossSigningKey>(
  'select_queried_cross_signing_keys',
  `select u.user_nid as "userNid", u.user_id as "userId", c.usage, c.public_key as "publicKey", c.signed_text as "signedText", c.signatures
   from users u join cross_signing_keys c on c.user_nid = u.user_nid
   where u.user_id = any($1::text[]) and (c.usage <> 'user_signing' or c.user_nid = $2)`,
);

/** The keys of users as somebody sees them: user-signing keys are for their owner alone. Three rows for a user at most. */
export function findCrossSigningKeysOf(
  db: ReadTx,
  userIds: readonly string[],
  readerNid: number | undefined,
): Promise<QueriedCrossSigningKey[]> {
  return db.query(selectQueried, [userIds, readerNid ?? null]);
}
