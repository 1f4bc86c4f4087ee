/** Owns writing profiles. */
import { statement, type Tx } from '#storage/database.ts';
import type { StoredProfile } from '#storage/users/find-profile.ts';

const insertProfile = statement<never>(
  'insert_profile',
  'insert into profiles (user_nid) values ($1) on conflict (user_nid) do nothing',
);
const lockProfile = statement<StoredProfile>(
  'lock_profile',
  'select displayname, avatar_url, fields from profiles where user_nid = $1 for update',
);

/** The profile of a local user, an empty one at first, locked so that changes follow one another. */
export async function lockStoredProfile(tx: Tx, userNid: number): Promise<StoredProfile> {
  await tx.query(insertProfile, [userNid]);
  const [profile] = await tx.query(lockProfile, [userNid]);
  if (profile === undefined) throw new Error('A profile vanished while it was changed.');
  return profile;
}

const updateProfile = statement<never>(
  'update_profile',
  'update profiles set displayname = $2, avatar_url = $3, fields = $4 where user_nid = $1',
);

export async function persistProfile(tx: Tx, userNid: number, profile: StoredProfile): Promise<void> {
  await tx.query(updateProfile, [userNid, profile.displayname, profile.avatar_url, profile.fields]);
}
