/** Owns reading events as other servers are given them: also those that clients are not shown. */
import { statement, type ReadTx } from '#storage/database.ts';
import { readStoredEvents, storedEventColumns, storedEventJoins } from '#storage/rooms/find-events.ts';
import type { StoredEvent, StoredEventRow } from '#storage/rooms/find-events.ts';

// Accepted and soft-failed: what is rejected is told to nobody, and the place of an outlier is not known.
const selectPlaced = statement<StoredEventRow>(
  'select_served_events',
  `select ${storedEventColumns} from events e ${storedEventJoins}
   where e.event_id = any($1::text[]) and e.status in (2, 3)`,
);
const selectPlacedByNids = statement<StoredEventRow>(
  'select_served_events_by_nids',
  `select ${storedEventColumns} from events e ${storedEventJoins}
   where e.event_nid = any($1::bigint[]) and e.status in (2, 3)`,
);
// Of states and auth chains: outliers too, and what a resolution chose although its place forbids it.
const selectPermitted = statement<StoredEventRow>(
  'select_permitted_events',
  `select ${storedEventColumns} from events e ${storedEventJoins}
   where e.event_nid = any($1::bigint[]) and e.status between 1 and 4`,
);

/** Events that have their place in a room, whichever that is, in no particular order. The ids must hold no NUL. */
export async function findPlacedEvents(db: ReadTx, eventIds: readonly string[]): Promise<StoredEvent[]> {
  return eventIds.length === 0 ? [] : readStoredEvents(db, await db.query(selectPlaced, [eventIds]));
}

export async function findPlacedEventsByNids(db: ReadTx, nids: readonly number[]): Promise<StoredEvent[]> {
  return nids.length === 0 ? [] : readStoredEvents(db, await db.query(selectPlacedByNids, [nids]));
}

/** Events that their own auth events permit, with or without a place. */
export async function findPermittedEvents(db: ReadTx, nids: readonly number[]): Promise<StoredEvent[]> {
  return nids.length === 0 ? [] : readStoredEvents(db, await db.query(selectPermitted, [nids]));
}

const selectIds = statement<{ event_nid: number; event_id: string }>(
  'select_event_ids',
  'select event_nid, event_id from events where event_nid = any($1::bigint[])',
);

/** The ids of events, in no particular order. */
export async function findEventIds(db: ReadTx, nids: readonly number[]): Promise<string[]> {
  return nids.length === 0 ? [] : (await db.query(selectIds, [nids])).map((row) => row.event_id);
}

// By the key of event_auth; `union` visits each event once.
const selectChain = statement<{ auth_nid: number }>(
  'select_auth_chain',
  `with recursive chain(auth_nid) as (
     select auth_nid from event_auth where event_nid = any($1::bigint[])
     union
     select a.auth_nid from chain c join event_auth a on a.event_nid = c.auth_nid
   )
   select auth_nid from chain`,
);

/** Everything that these state events cite as auth events, directly or not; themselves only where others of them do. */
export async function findAuthChain(db: ReadTx, nids: readonly number[]): Promise<number[]> {
  return nids.length === 0 ? [] : (await db.query(selectChain, [nids])).map((row) => row.auth_nid);
}

export type WalkedEvent = { readonly eventNid: number; readonly depth: number; readonly isServed: boolean };

// By the key of event_edges.
const selectPrevious = statement<{ event_nid: number; depth: number; status: number }>(
  'select_previous_events',
  `select distinct e.event_nid, e.depth, e.status from event_edges g join events e on e.event_nid = g.prev_nid
   where g.event_nid = any($1::bigint[]) and e.room_nid = $2 and e.status >= 2`,
);

/** The events of the room that these follow, as far as they have their place. Rejected ones are to be walked through. */
export async function findPrevious(db: ReadTx, roomNid: number, nids: readonly number[]): Promise<WalkedEvent[]> {
  const rows = nids.length === 0 ? [] : await db.query(selectPrevious, [nids, roomNid]);
  return rows.map((row) => ({ eventNid: row.event_nid, depth: row.depth, isServed: row.status <= 3 }));
}

const selectRedacted = statement<{ is_redacted: boolean }>(
  'select_is_redacted',
  `select exists (
     select from redactions d where d.target_event_id = e.event_id and d.room_nid = e.room_nid and d.valid
   ) as is_redacted from events e where e.event_nid = $1`,
);

/** Whether a redaction took effect on the event. */
export async function isEventRedacted(db: ReadTx, eventNid: number): Promise<boolean> {
  return (await db.query(selectRedacted, [eventNid]))[0]?.is_redacted === true;
}

const selectStart = statement<{ event_nid: number; depth: number; status: number }>(
  'select_walk_start',
  `select event_nid, depth, status from events
   where event_id = any($1::text[]) and room_nid = $2 and status >= 2`,
);

/** Those of the events that have their place in this room. */
export async function findWalkStart(db: ReadTx, roomNid: number, eventIds: readonly string[]): Promise<WalkedEvent[]> {
  const rows = eventIds.length === 0 ? [] : await db.query(selectStart, [eventIds, roomNid]);
  return rows.map((row) => ({ eventNid: row.event_nid, depth: row.depth, isServed: row.status <= 3 }));
}
