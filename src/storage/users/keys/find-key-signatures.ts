/** Owns reading the signatures that were uploaded later than the keys they sign. */
import { statement, type ReadTx } from '#storage/database.ts';

export type VisibleSignature = {
  readonly targetUserId: string;
  readonly targetKeyId: string;
  readonly signerUserId: string;
  readonly signingKeyId: string;
  readonly signature: string;
};

// Two ranges of the primary key for each user: however many others have signed a user's key, their rows are not read.
const selectVisible = statement<VisibleSignature>(
  'select_visible_key_signatures',
  `select target.user_id as "targetUserId", s.target_key_id as "targetKeyId", signer.user_id as "signerUserId",
      s.signing_key_id as "signingKeyId", s.signature
   from users target
   join key_signatures s
     on s.target_user_nid = target.user_nid and s.signer_user_nid = any(array[target.user_nid, $2::bigint])
   join users signer on signer.user_nid = s.signer_user_nid
   where target.user_id = any($1::text[])`,
);

/**
 * What somebody may see of the signatures on the keys of users: those by their owner, and the reader's own.
 * Specification: Client-Server API, "Key and signature security".
 */
export function findVisibleSignatures(
  db: ReadTx,
  userIds: readonly string[],
  readerNid: number | undefined,
): Promise<VisibleSignature[]> {
  return db.query(selectVisible, [userIds, readerNid ?? null]);
}
