/** Owns removing the events of a room, each with all that hangs on it. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

// By events_room_order_key, from where the last batch ended: entries of deleted rows, which a long snapshot keeps, would
// otherwise be walked through each time.
const selectOrdered = statement<{ event_nid: number; room_order: number }>(
  'select_ordered_events_to_purge',
  `select event_nid, room_order from events where room_nid = $1 and room_order > $2 order by room_order limit $3`,
);
// By events_unordered_index.
const selectUnordered = statement<{ event_nid: number }>(
  'select_unordered_events_to_purge',
  'select event_nid from events where room_nid = $1 and room_order is null limit $2',
);

export type PurgedEvents = {
  readonly eventNids: readonly number[];
  /** The order of the last one; undefined for those that have none, which come when no other is left. */
  readonly lastOrder: number | undefined;
};

/** The next events of a room to be removed: those with an order beyond `afterOrder`, then those without one. */
export async function findEventsToPurge(
  db: ReadTx,
  roomNid: number,
  { afterOrder, limit }: { readonly afterOrder: number; readonly limit: number },
): Promise<PurgedEvents> {
  const ordered = await db.query(selectOrdered, [roomNid, afterOrder, limit]);
  const rows = ordered.length > 0 ? ordered : await db.query(selectUnordered, [roomNid, limit]);
  return { eventNids: rows.map((row) => row.event_nid), lastOrder: ordered.at(-1)?.room_order };
}

// One statement: a row each of text, edges and so on goes with the event, or none does.
const deleteEvents = statement<unknown>(
  'delete_purged_events',
  `with texts as (delete from event_json where event_nid = any($1::bigint[])),
     edges as (delete from event_edges where event_nid = any($1::bigint[])),
     citations as (delete from event_auth where event_nid = any($1::bigint[])),
     sent as (delete from event_destinations where event_nid = any($1::bigint[])),
     redacting as (delete from redactions where redaction_nid = any($1::bigint[])),
     indexed as (delete from search_index where event_nid = any($1::bigint[]))
   delete from events where event_nid = any($1::bigint[])`,
);

export async function deleteEventRows(tx: Tx, eventNids: readonly number[]): Promise<void> {
  await tx.query(deleteEvents, [eventNids]);
}
