/** Owns deleting messages to devices that have had them, and what there is of devices that are gone. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const deleteOfDevices = [
  statement<never>(
    'delete_to_device_messages_of_devices',
    'delete from to_device_messages where device_nid = any($1::bigint[])',
  ),
  statement<never>(
    'delete_to_device_transactions_of_devices',
    'delete from to_device_transactions where device_nid = any($1::bigint[])',
  ),
  statement<never>(
    'delete_device_key_changes_of_devices',
    'delete from device_key_changes where device_nid = any($1::bigint[])',
  ),
];

/** Deletes what the streams have of devices. */
export async function deleteDevicesIn(tx: Tx, deviceNids: readonly number[]): Promise<void> {
  for (const each of deleteOfDevices) await tx.query(each, [deviceNids]);
}

const deleteUpTo = statement<never>(
  'delete_to_device_messages_up_to',
  'delete from to_device_messages where device_nid = $1 and pos <= $2',
);

/** Deletes the messages of a device up to a position. */
export async function deleteMessagesUpTo(db: ReadTx, deviceNid: number, pos: number): Promise<void> {
  await db.query(deleteUpTo, [deviceNid, pos]);
}
