/** Owns the transactions that are under way to other servers and application services, each under its id as it is sent. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** The codes of `outgoing_transactions.receiver_kind`. */
export const receiverKinds = { server: 1, appservice: 2 } as const;
type ReceiverKind = (typeof receiverKinds)[keyof typeof receiverKinds];

export type OutgoingTransaction = { readonly receiver: string; readonly txnId: string; readonly body: string };

const insertTransactions = statement<unknown>(
  'insert_outgoing_transactions',
  `insert into outgoing_transactions (receiver_kind, receiver, txn_id, body, created_at)
   select $1::smallint, receiver, txn_id, body, $2::bigint
   from unnest($3::text[], $4::text[], $5::text[]) as t(receiver, txn_id, body)`,
);
const deleteTransactions = statement<unknown>(
  'delete_outgoing_transactions',
  `delete from outgoing_transactions o using unnest($2::text[], $3::text[]) as t(receiver, txn_id)
   where o.receiver_kind = $1::smallint and o.receiver = t.receiver and o.txn_id = t.txn_id`,
);
const selectPending = statement<{ receiver: string; txnId: string }>(
  'select_pending_transactions',
  `select receiver, txn_id as "txnId" from outgoing_transactions where receiver_kind = $1::smallint
   order by receiver, created_at, txn_id`,
);
const selectBody = statement<{ body: string }>(
  'select_transaction_body',
  `select body from outgoing_transactions where receiver_kind = $1::smallint and receiver = $2 and txn_id = $3`,
);

export async function persistTransactions(
  tx: Tx,
  kind: ReceiverKind,
  transactions: readonly OutgoingTransaction[],
  now: number,
): Promise<void> {
  if (transactions.length === 0) return;
  await tx.query(insertTransactions, [
    kind,
    now,
    transactions.map(({ receiver }) => receiver),
    transactions.map(({ txnId }) => txnId),
    transactions.map(({ body }) => body),
  ]);
}

/** Removes transactions that their receivers have acknowledged. */
export async function persistAcknowledged(
  tx: Tx,
  kind: ReceiverKind,
  acknowledged: readonly Omit<OutgoingTransaction, 'body'>[],
): Promise<void> {
  if (acknowledged.length === 0) return;
  const receivers = acknowledged.map(({ receiver }) => receiver);
  await tx.query(deleteTransactions, [kind, receivers, acknowledged.map(({ txnId }) => txnId)]);
}

/** What is under way to whom; the texts may be large, and are read one by one. */
export function findPendingTransactions(
  db: ReadTx,
  kind: ReceiverKind,
): Promise<{ readonly receiver: string; readonly txnId: string }[]> {
  return db.query(selectPending, [kind]);
}

/** Undefined for one that has become too old to be sent. */
export async function findTransactionBody(
  db: ReadTx,
  kind: ReceiverKind,
  receiver: string,
  txnId: string,
): Promise<string | undefined> {
  return (await db.query(selectBody, [kind, receiver, txnId]))[0]?.body;
}
