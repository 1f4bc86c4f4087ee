/** Owns writing the signatures that are uploaded later than the keys they sign. */
import { statement, type Tx } from '#storage/database.ts';

export type NewKeySignature = {
  readonly targetUserNid: number;
  readonly targetKeyId: string;
  readonly signingKeyId: string;
  readonly signature: string;
};

const upsertSignatures = statement<{ target_user_nid: number }>(
  'upsert_key_signatures',
  `insert into key_signatures as old (target_user_nid, signer_user_nid, target_key_id, signing_key_id, signature)
   select s.target_user_nid, $1::bigint, s.target_key_id, s.signing_key_id, s.signature
   from unnest($2::bigint[], $3::text[], $4::text[], $5::text[])
     as s (target_user_nid, target_key_id, signing_key_id, signature)
   on conflict (target_user_nid, signer_user_nid, target_key_id, signing_key_id)
     do update set signature = excluded.signature where old.signature <> excluded.signature
   returning target_user_nid`,
);

/** Stores signatures by one user. Gives the users on whose keys there are new ones. */
export async function persistKeySignatures(
  tx: Tx,
  signerUserNid: number,
  signatures: readonly NewKeySignature[],
): Promise<ReadonlySet<number>> {
  const rows = await tx.query(upsertSignatures, [
    signerUserNid,
    signatures.map(({ targetUserNid }) => targetUserNid),
    signatures.map(({ targetKeyId }) => targetKeyId),
    signatures.map(({ signingKeyId }) => signingKeyId),
    signatures.map(({ signature }) => signature),
  ]);
  return new Set(rows.map((row) => row.target_user_nid));
}
