/** Owns deleting what the streams hold of accounts that end. */
import { statement, type Tx } from '#storage/database.ts';

const deletePresence = statement<never>('delete_presence', 'delete from presence where user_nid = $1');

/** Deletes the presence of a user. */
export async function deletePresenceOf(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deletePresence, [userNid]);
}

const deleteAccountData = statement<never>('delete_account_data', 'delete from account_data where user_nid = $1');

/** Deletes all that the user's clients have stored here. */
export async function deleteAccountDataOf(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deleteAccountData, [userNid]);
}

const deleteCompletions = statement<never>(
  'delete_completed_rooms_of_user',
  'delete from completed_rooms where user_nid = $1',
);

/** Deletes which of the user's rooms came late. */
export async function deleteCompletedRoomsOf(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deleteCompletions, [userNid]);
}

// Along the primary keys of the user's rooms and of the receipts in each.
const deleteReceipts = statement<never>(
  'delete_receipts_of_user',
  `delete from receipts r using user_rooms m
   where m.user_nid = $1 and r.room_nid = m.room_nid and r.user_nid = $1`,
);

/** Deletes what says how far the user has read. */
export async function deleteReceiptsOf(tx: Tx, userNid: number): Promise<void> {
  await tx.query(deleteReceipts, [userNid]);
}
