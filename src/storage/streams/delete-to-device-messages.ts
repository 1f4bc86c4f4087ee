/** Owns deleting messages to devices that have had them, or that are gone. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const deleteOfDevices = statement<never>(
  'delete_to_device_messages_of_devices',
  'delete from to_device_messages where device_nid = any($1::bigint[])',
);

/** Deletes the messages that the devices have not had yet. */
export async function deleteMessagesOf(tx: Tx, deviceNids: readonly number[]): Promise<void> {
  await tx.query(deleteOfDevices, [deviceNids]);
}

const deleteUpTo = statement<never>(
  'delete_to_device_messages_up_to',
  'delete from to_device_messages where device_nid = $1 and pos <= $2',
);

/** Deletes the messages of a device up to a position. */
export async function deleteMessagesUpTo(db: ReadTx, deviceNid: number, pos: number): Promise<void> {
  await db.query(deleteUpTo, [deviceNid, pos]);
}
