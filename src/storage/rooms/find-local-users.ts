/** Owns reading the users of this server as rooms need them: that they exist, and their names. */
import { statement, type ReadTx } from '#storage/database.ts';

/** A user with an account that is not deactivated, and what their member events say of them. */
export type LocalUser = {
  readonly userId: string;
  readonly userNid: number;
  readonly displayname: string | undefined;
  readonly avatarUrl: string | undefined;
  readonly isGuest: boolean;
};

const selectUsers = statement<{
  user_id: string;
  user_nid: number;
  displayname: string | null;
  avatar_url: string | null;
  is_guest: boolean;
}>(
  'select_local_users',
  `select user_id, user_nid, displayname, avatar_url, is_guest
   from users join accounts using (user_nid) left join profiles using (user_nid)
   where user_id = any($1::text[]) and deactivated_at is null`,
);

/** Those of the users who have an account, by user id. */
export async function findLocalUsers(db: ReadTx, userIds: readonly string[]): Promise<ReadonlyMap<string, LocalUser>> {
  const rows = await db.query(selectUsers, [userIds]);
  return new Map(
    rows.map((row) => [
      row.user_id,
      {
        userId: row.user_id,
        userNid: row.user_nid,
        displayname: row.displayname ?? undefined,
        avatarUrl: row.avatar_url ?? undefined,
        isGuest: row.is_guest,
      },
    ]),
  );
}
