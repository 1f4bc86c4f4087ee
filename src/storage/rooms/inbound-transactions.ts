/** Owns the answers to other servers' transactions: the same transaction has one effect and one answer. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

const selectResponse = statement<{ response: string }>(
  'select_inbound_response',
  'select response from inbound_transactions where origin = $1 and txn_id = $2',
);

/** What the server's transaction was answered with, if it came before. */
export async function findInboundResponse(db: ReadTx, origin: string, txnId: string): Promise<string | undefined> {
  return (await db.query(selectResponse, [origin, txnId]))[0]?.response;
}

const insertResponse = statement<{ txn_id: string }>(
  'insert_inbound_response',
  `insert into inbound_transactions (origin, txn_id, response, received_at) values ($1, $2, $3, $4)
   on conflict (origin, txn_id) do nothing returning txn_id`,
);

/** Notes the answer, in JSON. False if another process was quicker: then its answer stands. */
export async function persistInboundResponse(
  tx: Tx,
  transaction: { readonly origin: string; readonly txnId: string; readonly response: string; readonly now: number },
): Promise<boolean> {
  const { origin, txnId, response, now } = transaction;
  return (await tx.query(insertResponse, [origin, txnId, response, now])).length === 1;
}
