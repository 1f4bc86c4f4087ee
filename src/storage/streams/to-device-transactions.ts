/** Owns the table of sends to devices that have been done. */
import { statement, type Tx } from '#storage/database.ts';

const insertTransaction = statement<{ device_nid: number }>(
  'insert_to_device_transaction',
  `insert into to_device_transactions (device_nid, txn_hash, created_at) values ($1, $2, $3)
   on conflict (device_nid, txn_hash) do nothing returning device_nid`,
);

/** False when the device has done this transaction before. */
export async function persistToDeviceTransaction(
  tx: Tx,
  deviceNid: number,
  txnHash: Buffer,
  now: number,
): Promise<boolean> {
  return (await tx.query(insertTransaction, [deviceNid, txnHash, now])).length === 1;
}
