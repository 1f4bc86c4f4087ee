/** Owns reading profiles. */
import type { ReadTx } from '#storage/database.ts';
import { findStoredProfile } from '#storage/users/find-profile.ts';

/** The fields that a local user has set, under the names of the specification. Undefined without such a user. */
export async function findProfile(db: ReadTx, userId: string): Promise<Record<string, unknown> | undefined> {
  const stored = await findStoredProfile(db, userId);
  if (stored === undefined) return undefined;
  const fields: Record<string, unknown> = JSON.parse(stored.fields);
  if (stored.displayname !== null) fields['displayname'] = stored.displayname;
  if (stored.avatar_url !== null) fields['avatar_url'] = stored.avatar_url;
  return fields;
}
