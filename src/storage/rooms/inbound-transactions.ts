/** Owns taking other servers' transactions: the same one has one effect and one answer. */
import { statement, type ReadTx } from '#storage/database.ts';
import { stagedColumns, type StagedRow } from '#storage/rooms/inbound-staging.ts';

// Both by keys that begin with the origin; of what waits at most as many entries as the limit are counted.
const selectInbound = statement<{ response: string | null; waiting: number }>(
  'select_inbound',
  `select (select response from inbound_transactions where origin = $1 and txn_id = $2) as response,
     (select count(*)::integer from (select from inbound_staging where origin = $1 limit $3) s) as waiting`,
);

/** What a transaction of the server was answered with, if it came before; and how many of its events wait, up to a limit. */
export async function findInbound(
  db: ReadTx,
  { origin, txnId, limit }: { readonly origin: string; readonly txnId: string; readonly limit: number },
): Promise<{ readonly response: string | undefined; readonly waiting: number }> {
  const [row] = await db.query(selectInbound, [origin, txnId, limit]);
  return { response: row?.response ?? undefined, waiting: row?.waiting ?? 0 };
}

export type InboundRows = {
  readonly origin: string;
  readonly txnId: string;
  /** What it is answered with, in JSON. */
  readonly response: string;
  /** The events that are staged, none of them twice. */
  readonly events: readonly Pick<StagedRow, 'roomId' | 'eventId' | 'json'>[];
  /** Milliseconds since the Unix epoch. Until `dueAt` the events are the caller's to work through, then anybody's. */
  readonly now: number;
  readonly dueAt: number;
};

// What is sent again although it waits here is tried again at once, from the beginning.
const insertInbound = statement<{ isFirst: boolean } & (StagedRow | { stagingNid: null })>(
  'insert_inbound',
  `with first as (
     insert into inbound_transactions (origin, txn_id, response, received_at) values ($1, $2, $3, $4)
     on conflict (origin, txn_id) do nothing returning 1
   ), staged as (
     insert into inbound_staging (origin, room_id, event_id, json, received_at, due_at)
     select $1, room_id, event_id, json, $4, $5
     from unnest($6::text[], $7::text[], $8::text[]) with ordinality as t(room_id, event_id, json, at)
     where exists (select from first) order by at
     on conflict (origin, event_id) do update set due_at = excluded.due_at, attempts = 0, lacks = '{}'
     returning ${stagedColumns}
   )
   select exists (select from first) as "isFirst", staged.* from (select) one left join staged on true`,
);

/**
 * Notes the answer and stages the events, in one statement that is committed when it resolves. Resolves with the staged rows in
 * the order of the events; with undefined, and no effect, if another process was quicker, whose answer stands.
 */
export async function persistInbound(db: ReadTx, inbound: InboundRows): Promise<StagedRow[] | undefined> {
  const { origin, txnId, response, events, now, dueAt } = inbound;
  const rows = await db.query(insertInbound, [
    ...[origin, txnId, response, now, dueAt],
    events.map(({ roomId }) => roomId),
    events.map(({ eventId }) => eventId),
    events.map(({ json }) => json),
  ]);
  if (rows[0]?.isFirst !== true) return undefined;
  const byId = new Map(rows.flatMap((row) => (row.stagingNid === null ? [] : [[row.eventId, row] as const])));
  return events.flatMap(({ eventId }) => byId.get(eventId) ?? []);
}
