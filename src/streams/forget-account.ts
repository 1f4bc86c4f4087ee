/** Owns what of the streams goes with an account. */
import type { Tx } from '#storage/database.ts';
import {
  deleteAccountDataOf,
  deleteCompletedRoomsOf,
  deletePresenceOf,
  deleteReceiptsOf,
} from '#storage/streams/delete-account-rows.ts';

/** Deletes the presence of a user who is gone; with `isErased` also what the user's clients have stored, and receipts. */
export async function forgetAccount(tx: Tx, userNid: number, isErased: boolean): Promise<void> {
  await deletePresenceOf(tx, userNid);
  if (!isErased) return;
  await deleteAccountDataOf(tx, userNid);
  await deleteReceiptsOf(tx, userNid);
  await deleteCompletedRoomsOf(tx, userNid);
}
