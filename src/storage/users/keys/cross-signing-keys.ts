/** Owns writing cross-signing keys. */
import type { CrossSigningUsage } from '#matrix/cross-signing-keys.ts';
import { statement, type Tx } from '#storage/database.ts';
import type { StoredCrossSigningKey } from '#storage/users/keys/find-cross-signing-keys.ts';

const lockAccount = statement<never>(
  'lock_account_for_keys',
  'select from accounts where user_nid = $1 for no key update',
);

/** Makes what changes a user's keys, and what must not collide with them, follow one another. */
export async function lockAccountForKeys(tx: Tx, userNid: number): Promise<void> {
  await tx.query(lockAccount, [userNid]);
}

const upsertKeys = statement<never>(
  'upsert_cross_signing_keys',
  `insert into cross_signing_keys (user_nid, usage, public_key, signed_text, signatures)
   select $1::bigint, k.* from unnest($2::text[], $3::text[], $4::text[], $5::text[]) as k
   on conflict (user_nid, usage) do update set public_key = excluded.public_key, signed_text = excluded.signed_text,
     signatures = excluded.signatures`,
);

/** Stores keys of the user in place of those of the same usage. */
export async function persistCrossSigningKeys(
  tx: Tx,
  userNid: number,
  keys: readonly StoredCrossSigningKey[],
): Promise<void> {
  await tx.query(upsertKeys, [
    userNid,
    keys.map(({ usage }) => usage),
    keys.map(({ publicKey }) => publicKey),
    keys.map(({ signedText }) => signedText),
    keys.map(({ signatures }) => signatures),
  ]);
}

const deleteKeys = statement<never>(
  'delete_cross_signing_keys',
  'delete from cross_signing_keys where user_nid = $1 and usage = any($2::text[])',
);
// The user's signatures by these keys, and everybody's on them: one row for each device or user that was verified.
const deleteSignatures = statement<never>(
  'delete_signatures_of_cross_signing_keys',
  `with made as (delete from key_signatures where signer_user_nid = $1 and signing_key_id = any($3::text[]))
   delete from key_signatures where target_user_nid = $1 and target_key_id = any($2::text[])`,
);

/** Deletes the signatures that keys of the user have made and have got, and the keys of these usages. */
export async function deleteCrossSigningKeys(
  tx: Tx,
  userNid: number,
  { usages, publicKeys }: { readonly usages: readonly CrossSigningUsage[]; readonly publicKeys: readonly string[] },
): Promise<void> {
  await tx.query(deleteKeys, [userNid, usages]);
  await tx.query(deleteSignatures, [userNid, publicKeys, publicKeys.map((publicKey) => `ed25519:${publicKey}`)]);
}
