/** Owns reading profiles. */
import { statement, type ReadTx } from '#storage/database.ts';

/** A profile as it is stored; `fields` is a JSON object of all fields but the two that have columns. */
export type StoredProfile = {
  readonly displayname: string | null;
  readonly avatar_url: string | null;
  readonly fields: string;
};

const selectProfile = statement<StoredProfile>(
  'select_profile',
  `select p.displayname, p.avatar_url, coalesce(p.fields, '{}') as fields
   from users u join accounts a on a.user_nid = u.user_nid left join profiles p on p.user_nid = u.user_nid
   where u.user_id = $1 and a.deactivated_at is null`,
);

/** The profile of an account of ours, empty when nothing is set. The id must hold no NUL. */
export async function findStoredProfile(db: ReadTx, userId: string): Promise<StoredProfile | undefined> {
  const [profile] = await db.query(selectProfile, [userId]);
  return profile;
}
