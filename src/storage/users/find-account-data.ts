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
