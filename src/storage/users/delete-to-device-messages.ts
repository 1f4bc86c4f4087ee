/** Owns deleting what waits for devices that are gone. */
import { statement, type Tx } from '#storage/database.ts';

const deleteMessages = statement<never>(
  'delete_to_device_messages_of_devices',
  'delete from to_device_messages where device_nid = any($1::bigint[])',
);

/** Deletes the to-device messages that the devices have not had yet. */
export async function deleteToDeviceMessages(
  tx: Tx,
  { deviceNids }: { readonly deviceNids: readonly number[] },
): Promise<void> {
  await tx.query(deleteMessages, [deviceNids]);
}
