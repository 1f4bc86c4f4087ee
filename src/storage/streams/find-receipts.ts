/** Owns reading receipts for sync. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StoredReceipt = {
  readonly room_nid: number;
  readonly user_id: string;
  readonly receipt_type: string;
  /** Empty for a receipt without a thread. */
  readonly thread_id: string;
  readonly event_id: string;
  readonly ts: number;
};

// By receipts_room_pos_index, from the newest down.
const selectReceipts = statement<StoredReceipt>(
  'find_receipts',
  `select r.room_nid, u.user_id, r.receipt_type, r.thread_id, r.event_id, r.ts
   from unnest($1::bigint[]) as w(room_nid)
   cross join lateral (
     select * from receipts v
     where v.room_nid = w.room_nid and v.pos > $2 and v.pos <= $3
       and (v.receipt_type <> 'm.read.private' or v.user_nid = $4)
     order by v.pos desc limit $5
   ) r
   join users u on u.user_nid = r.user_nid order by r.pos`,
);

/** Receipts of rooms within positions (after, upTo] that a user may see, of each room the newest, oldest first. */
export async function findReceipts(
  db: ReadTx,
  window: {
    readonly roomNids: readonly number[];
    readonly after: number;
    readonly upTo: number;
    readonly readerNid: number;
    readonly perRoomMax: number;
  },
): Promise<StoredReceipt[]> {
  const { roomNids, after, upTo, readerNid, perRoomMax } = window;
  return roomNids.length === 0 ? [] : db.query(selectReceipts, [roomNids, after, upTo, readerNid, perRoomMax]);
}
