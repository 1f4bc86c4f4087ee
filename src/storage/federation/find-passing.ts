/** Owns reading what other servers are told as it happens: typing, receipts, presence. */
import { statement, type ReadTx } from '#storage/database.ts';

export type TypingOfUser = {
  readonly room_nid: number;
  readonly room_id: string;
  readonly user_id: string;
  readonly is_typing: boolean;
};

const selectTyping = statement<TypingOfUser>(
  'select_typing_to_tell',
  `select t.room_nid, r.room_id, u.user_id, t.is_typing
   from unnest($1::bigint[], $2::bigint[]) as w(room_nid, user_nid)
   join typing t on t.room_nid = w.room_nid and t.user_nid = w.user_nid
   join users u on u.user_nid = t.user_nid join rooms r on r.room_nid = t.room_nid`,
);

export type ReceiptOfUser = {
  readonly room_nid: number;
  readonly room_id: string;
  readonly user_id: string;
  /** Empty for a receipt without a thread. */
  readonly thread_id: string;
  readonly event_id: string;
  readonly ts: number;
};

const selectReceipts = statement<ReceiptOfUser>(
  'select_receipts_to_tell',
  `select p.room_nid, r.room_id, u.user_id, p.thread_id, p.event_id, p.ts
   from receipts p join users u on u.user_nid = p.user_nid join rooms r on r.room_nid = p.room_nid
   where p.pos = any($1::bigint[]) and p.receipt_type = 'm.read'`,
);

type Typist = { readonly roomNid: number; readonly userNid: number };

/** Whether these users type now. */
export async function findTypingOf(db: ReadTx, typists: readonly Typist[]): Promise<TypingOfUser[]> {
  if (typists.length === 0) return [];
  return db.query(selectTyping, [typists.map(({ roomNid }) => roomNid), typists.map(({ userNid }) => userNid)]);
}

/** The public receipts at these positions, but for those that newer ones have replaced. */
export async function findReceiptsAt(db: ReadTx, positions: readonly number[]): Promise<ReceiptOfUser[]> {
  return positions.length === 0 ? [] : db.query(selectReceipts, [positions]);
}
