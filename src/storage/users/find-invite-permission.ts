/** Owns reading who takes no invitations. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectConfigs = statement<{ user_nid: number; content: string }>(
  'select_invite_permissions',
  `select user_nid, content from account_data
   where user_nid = any($1::bigint[]) and room_nid = 0 and type = 'm.invite_permission_config'`,
);

/** Those of the users who block every invitation. Specification: `m.invite_permission_config`. */
export async function findInviteBlockers(db: ReadTx, userNids: readonly number[]): Promise<number[]> {
  if (userNids.length === 0) return [];
  const rows = await db.query(selectConfigs, [userNids]);
  return rows.filter(({ content }) => blocks(JSON.parse(content))).map((row) => row.user_nid);
}

function blocks(config: unknown): boolean {
  return (
    typeof config === 'object' && config !== null && 'default_action' in config && config.default_action === 'block'
  );
}
