/** Owns reading whom a user ignores. */
import { statement, type ReadTx } from '#storage/database.ts';
import { findAccountDataContent } from '#storage/users/find-account-data.ts';

const selectUserNids = statement<{ user_id: string; user_nid: number }>(
  'select_user_nids',
  'select user_id, user_nid from users where user_id = any($1::text[])',
);

export type IgnoredUser = { readonly userId: string; readonly userNid: number };

/** The user ids that a user ignores, known here or not; odd content names nobody. Specification: Client-Server API, "Ignoring Users". */
export async function findIgnoredUserIds(db: ReadTx, userNid: number): Promise<readonly string[]> {
  const text = await findAccountDataContent(db, userNid, 0, 'm.ignored_user_list');
  const content: unknown = text === undefined ? undefined : JSON.parse(text);
  const list = isObject(content) ? content['ignored_users'] : undefined;
  return isObject(list) ? Object.keys(list) : [];
}

/** Those of them whom this server has ever heard of, for statements that go by number. */
export async function findIgnoredUsers(db: ReadTx, userNid: number): Promise<readonly IgnoredUser[]> {
  const userIds = await findIgnoredUserIds(db, userNid);
  if (userIds.length === 0) return [];
  const rows = await db.query(selectUserNids, [userIds]);
  return rows.map((each) => ({ userId: each.user_id, userNid: each.user_nid }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
