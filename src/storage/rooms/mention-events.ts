/** Owns the rows of events that are known by name only. */
import { statement, type ReadTx } from '#storage/database.ts';
import type { NidAllocator } from '#storage/nid-allocator.ts';

// Two processes may mention the same event at once: whoever comes second finds the row by asking again. A room that has
// been removed gets no rows, and one that is being removed goes only after this is committed.
const insertMentions = statement<unknown>(
  'mention_events',
  `with room as (select room_nid from rooms where room_nid = $1 for key share)
   insert into events (event_nid, room_nid, event_id, status, type, sender_nid, origin_server_ts, depth, history_visibility)
   select nid, room_nid, id, 0, '', 0, 0, 0, 3 from room, unnest($2::bigint[], $3::text[]) as mentioned(nid, id)
   on conflict (event_id) do nothing`,
);
const selectMentions = statement<{ event_id: string; event_nid: number }>(
  'select_mentioned_events',
  'select event_id, event_nid from events where event_id = any($1::text[])',
);

/** The nids of the events, by id; those that were never heard of get a row with the status `missing`. */
export async function mentionEvents(
  { database, nids }: { readonly database: ReadTx; readonly nids: NidAllocator },
  roomNid: number,
  eventIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (eventIds.length === 0) return new Map();
  const own = await nids.reserve(eventIds.length, () => eventIds.map(() => nids.take()));
  await database.query(insertMentions, [roomNid, own, eventIds]);
  const rows = await database.query(selectMentions, [eventIds]);
  return new Map(rows.map((row) => [row.event_id, row.event_nid]));
}
