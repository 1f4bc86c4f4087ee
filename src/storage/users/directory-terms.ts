/** Owns writing the words by which users are found. */
import { statement, type Tx } from '#storage/database.ts';

const replaceTerms = statement<never>(
  'replace_directory_terms',
  `with gone as (delete from directory_terms where user_nid = $1 and term <> all($2::text[]))
   insert into directory_terms (term, user_nid) select term, $1 from unnest($2::text[]) as t(term)
   on conflict (term, user_nid) do nothing`,
);

/** Makes these the words of the user; without any, nobody finds the user. */
export async function replaceDirectoryTerms(tx: Tx, userNid: number, terms: readonly string[]): Promise<void> {
  await tx.query(replaceTerms, [userNid, terms]);
}
