/** Owns reading account data. */
import { statement, type ReadTx } from '#storage/database.ts';

/** Account data of one type. `roomNid` is 0 for what belongs to no room; `content` is the text of a JSON object. */
export type StoredAccountData = {
  readonly roomNid: number;
  readonly type: string;
  readonly content: string;
  readonly pos: number;
};

const selectAccountData = statement<StoredAccountData>(
  'select_account_data',
  `select room_nid as "roomNid", type, content, pos from account_data
   where user_nid = $1 and pos > $2 and pos <= $3 order by pos`,
);

/** What the user's account data became after position `after` and up to `upTo`, in the order of its changes. */
export function findAccountData(
  db: ReadTx,
  userNid: number,
  after: number,
  upTo: number,
): Promise<StoredAccountData[]> {
  return db.query(selectAccountData, [userNid, after, upTo]);
}

const selectOfRooms = statement<StoredAccountData>(
  'select_account_data_of_rooms',
  `select room_nid as "roomNid", type, content, pos from account_data
   where user_nid = $1 and room_nid = any($2::bigint[]) and pos <= $3 order by pos`,
);

/** All that the user's account data of these rooms was at a position; what has changed since is not among it. */
export async function findAccountDataOfRooms(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
  upTo: number,
): Promise<StoredAccountData[]> {
  return roomNids.length === 0 ? [] : db.query(selectOfRooms, [userNid, roomNids, upTo]);
}

const selectOne = statement<{ content: string }>(
  'select_one_account_data',
  'select content from account_data where user_nid = $1 and room_nid = $2 and type = $3',
);

/** The text of one JSON object of account data. */
export async function findAccountDataContent(
  db: ReadTx,
  userNid: number,
  roomNid: number,
  type: string,
): Promise<string | undefined> {
  return (await db.query(selectOne, [userNid, roomNid, type]))[0]?.content;
}

const countTypes = statement<{ count: number }>(
  'count_account_data_types',
  `select count(*) from (
     select from account_data where user_nid = $1 and room_nid = $2 limit $3
   ) as counted`,
);

/** How many types of account data a user has, of the account (room 0) or of a room; not counted beyond `limit`. */
export async function countAccountDataTypes(
  db: ReadTx,
  userNid: number,
  roomNid: number,
  limit: number,
): Promise<number> {
  return (await db.query(countTypes, [userNid, roomNid, limit]))[0]?.count ?? 0;
}

// Whoever goes on from what is there waits for others who do.
const lockAccount = statement<never>(
  'lock_account_for_account_data',
  'select from accounts where user_nid = $1 for no key update',
);

/** Keeps others from changing account data by what it was, until the transaction ends. */
export async function lockAccountData(tx: ReadTx, userNid: number): Promise<void> {
  await tx.query(lockAccount, [userNid]);
}
