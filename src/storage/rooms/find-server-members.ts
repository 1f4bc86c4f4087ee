/** Owns finding which entries of a state are memberships: of one server's users, or of anybody. */
import { statement, type ReadTx } from '#storage/database.ts';

// By primary key. A user id holds its server's name behind the first colon.
const selectKeys = statement<{ key_nid: number }>(
  'select_member_keys_of_server',
  `select key_nid from state_keys where key_nid = any($1::bigint[]) and type = 'm.room.member'
     and substr(state_key, strpos(state_key, ':') + 1) = $2`,
);

/** Of these entries (`state_keys.key_nid`), those of `m.room.member` whose state key is a user of the server. */
export async function findMemberKeysOfServer(
  db: ReadTx,
  keyNids: readonly number[],
  serverName: string,
): Promise<number[]> {
  return keyNids.length === 0 ? [] : (await db.query(selectKeys, [keyNids, serverName])).map((row) => row.key_nid);
}

// By primary key.
const selectOtherKeys = statement<{ key_nid: number }>(
  'select_keys_that_are_no_members',
  `select key_nid from state_keys where key_nid = any($1::bigint[]) and type <> 'm.room.member'`,
);

/** Of these entries (`state_keys.key_nid`), those that are no `m.room.member`. */
export async function findOtherKeys(db: ReadTx, keyNids: readonly number[]): Promise<number[]> {
  return keyNids.length === 0 ? [] : (await db.query(selectOtherKeys, [keyNids])).map((row) => row.key_nid);
}
