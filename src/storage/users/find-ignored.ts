/** Owns reading whom a user ignores. `users/ignored-users.ts` remembers it, and is whom others ask. */
import { statement, type ReadTx } from '#storage/database.ts';
import { findAccountDataContent } from '#storage/users/find-account-data.ts';

const selectUserNids = statement<{ user_nid: number }>(
  'select_user_nids',
  'select user_nid from users where user_id = any($1::text[])',
);

const selectUserId = statement<{ user_id: string }>('select_user_id', 'select user_id from users where user_nid = $1');

/**
 * The user ids that a user ignores, known here or not; odd content names nobody, and nobody is kept from what they sent
 * themselves. Specification: Client-Server API, "Ignoring Users".
 */
export async function findIgnoredUserIds(db: ReadTx, userNid: number): Promise<readonly string[]> {
  const text = await findAccountDataContent(db, userNid, 0, 'm.ignored_user_list');
  const content: unknown = text === undefined ? undefined : JSON.parse(text);
  const list = isObject(content) ? content['ignored_users'] : undefined;
  if (!isObject(list)) return [];
  const [own] = await db.query(selectUserId, [userNid]);
  // No user has an id with U+0000, which PostgreSQL would refuse.
  return Object.keys(list).filter((userId) => userId !== own?.user_id && !userId.includes('\0'));
}

/** The numbers of those of the users whom this server has ever heard of, for statements that go by number. */
export async function findUserNids(db: ReadTx, userIds: Iterable<string>): Promise<readonly number[]> {
  const ids = [...userIds];
  return ids.length === 0 ? [] : (await db.query(selectUserNids, [ids])).map((row) => row.user_nid);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
