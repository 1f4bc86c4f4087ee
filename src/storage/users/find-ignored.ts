/** Owns reading whom a user ignores. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectIgnoredList = statement<{ content: string }>(
  'select_ignored_user_list',
  `select content from account_data where user_nid = $1 and room_nid = 0 and type = 'm.ignored_user_list'`,
);
const selectUserNids = statement<{ user_id: string; user_nid: number }>(
  'select_user_nids',
  'select user_id, user_nid from users where user_id = any($1::text[])',
);

export type IgnoredUser = { readonly userId: string; readonly userNid: number };

/** Those whom the user ignores and whom this server has ever heard of. Specification: Client-Server API, "Ignoring Users". */
export async function findIgnoredUsers(db: ReadTx, userNid: number): Promise<readonly IgnoredUser[]> {
  const [row] = await db.query(selectIgnoredList, [userNid]);
  const content: unknown = row === undefined ? undefined : JSON.parse(row.content);
  const list = isObject(content) ? content['ignored_users'] : undefined;
  const userIds = isObject(list) ? Object.keys(list) : [];
  if (userIds.length === 0) return [];
  const rows = await db.query(selectUserNids, [userIds]);
  return rows.map((each) => ({ userId: each.user_id, userNid: each.user_nid }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
