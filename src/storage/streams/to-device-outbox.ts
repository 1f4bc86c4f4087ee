/** Owns the end of messages that waited for other servers, and the record of those that came from them. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

// What has been put into a transaction waits there, whatever becomes of it.
const deleteSent = statement<never>(
  'delete_sent_from_outbox',
  `delete from to_device_outbox o using destinations d
   where d.server_name = $1 and o.server_name = $1 and o.pos <= d.to_device_pos`,
);

/** Removes the messages that transactions to a server have taken. */
export async function deleteSentMessages(db: ReadTx, serverName: string): Promise<void> {
  await db.query(deleteSent, [serverName]);
}

const insertReceived = statement<{ message_id: string }>(
  'insert_received_message',
  `insert into received_messages (origin, message_id, received_at) values ($1, $2, $3)
   on conflict (origin, message_id) do nothing returning message_id`,
);

/** False when the message has come before. */
export async function persistReceivedMessage(
  tx: Tx,
  message: { readonly origin: string; readonly messageId: string },
  now: number,
): Promise<boolean> {
  return (await tx.query(insertReceived, [message.origin, message.messageId, now])).length === 1;
}
