/** Owns the search for users by the beginnings of their names. */
import type { ReadTx } from '#storage/database.ts';
import { searchUserDirectory } from '#storage/users/search-directory.ts';
import { buildSearchTerms } from '#users/directory-terms.ts';

const CANDIDATES_MAX = 2_000;
const RESULTS_MAX = 50;

export type DirectoryParts = {
  readonly database: ReadTx;
  readonly config: { readonly userDirectory: { readonly searchAllUsers: boolean } };
};

/** A user as others find them: by the profile, never by what they are called in a room. */
export type FoundUser = { readonly user_id: string; readonly display_name?: string; readonly avatar_url?: string };

/**
 * Users of this server whom the searcher may see: in a room of theirs, or in one that is open to everybody.
 * Specification: Client-Server API, "User Directory".
 */
export async function searchDirectory(
  { database, config }: DirectoryParts,
  userNid: number,
  request: { readonly searchTerm: string; readonly limit: number },
): Promise<{ readonly results: readonly FoundUser[]; readonly limited: boolean }> {
  const terms = buildSearchTerms(request.searchTerm);
  if (terms.length === 0) return { results: [], limited: false };
  const limit = Math.min(request.limit, RESULTS_MAX);
  const found = await searchUserDirectory(database, {
    userNid,
    terms,
    isForAll: config.userDirectory.searchAllUsers,
    limit: limit + 1,
    candidatesMax: CANDIDATES_MAX,
  });
  const results = found.slice(0, limit).map(({ user_id, displayname, avatar_url }) => ({
    user_id,
    ...(displayname !== null && { display_name: displayname }),
    ...(avatar_url !== null && { avatar_url }),
  }));
  return { results, limited: found.length > limit };
}
