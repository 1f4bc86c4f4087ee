/** Owns when messages to devices go. */
import type { Tx } from '#storage/database.ts';
import { deleteMessagesOf } from '#storage/streams/delete-to-device-messages.ts';

/** Deletes what waits for devices that are removed, in the transaction that removes them. */
export async function deleteToDeviceMessages(
  tx: Tx,
  { deviceNids }: { readonly deviceNids: readonly number[] },
): Promise<void> {
  await deleteMessagesOf(tx, deviceNids);
}
