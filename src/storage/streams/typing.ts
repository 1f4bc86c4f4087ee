/** Owns changing who types where, beside what is written with a position. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const extend = statement<{ user_nid: number }>(
  'extend_typing',
  `update typing set expires_at = $3 where room_nid = $1 and user_nid = $2 and is_typing and expires_at > $4
   returning user_nid`,
);

/** Lets somebody who is typing type on; false when they are not. The others are told nothing, as nothing is new. */
export async function extendTyping(
  tx: Tx,
  typing: { readonly roomNid: number; readonly userNid: number; readonly expiresAt: number },
  now: number,
): Promise<boolean> {
  return (await tx.query(extend, [typing.roomNid, typing.userNid, typing.expiresAt, now])).length === 1;
}

const lockTypist = statement<{ user_nid: number }>(
  'lock_typist',
  'select user_nid from typing where room_nid = $1 and user_nid = $2 and is_typing for update',
);

/** Whether somebody is typing; nobody else changes it until the transaction ends. */
export async function lockWhetherTyping(tx: Tx, roomNid: number, userNid: number): Promise<boolean> {
  return (await tx.query(lockTypist, [roomNid, userNid])).length === 1;
}

export type Typist = { readonly roomNid: number; readonly userNid: number };

// By typing_expires_at_index, as the next one.
const lockExpired = statement<Typist>(
  'lock_expired_typists',
  `select room_nid as "roomNid", user_nid as "userNid" from typing where is_typing and expires_at <= $1
   order by expires_at limit $2 for update skip locked`,
);

/** Those whose time is over, whom no other process is seeing to. */
export function lockExpiredTypists(tx: Tx, now: number, limit: number): Promise<Typist[]> {
  return tx.query(lockExpired, [now, limit]);
}

const nextExpiry = statement<{ expires_at: number | null }>(
  'find_next_typing_expiry',
  'select min(expires_at) as expires_at from typing where is_typing',
);

/** When the next typist's time is over; undefined when nobody types. */
export async function findNextExpiry(db: ReadTx): Promise<number | undefined> {
  return (await db.query(nextExpiry, []))[0]?.expires_at ?? undefined;
}
