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
