/** Owns the reads by which a writer learns where a room stands. */
import { statement } from '#storage/database.ts';

/** The columns from `room_seq` on are null in a room that has been heard of, but has no event yet. */
export type HeadRow = { room_nid: number; version: string; is_partial: boolean } & (HeadColumns | { room_seq: null });

export type HeadColumns = {
  room_seq: number;
  state_root: number;
  extremity_nids: number[];
  extremity_ids: string[];
  depth: number;
  last_order: number;
  notify_seq: number;
  bump_pos: number;
  cause: number;
};

/** The room's newest head. `$1` is the room id. */
export const selectHead = statement<HeadRow>(
  'select_head_of_room',
  `select r.room_nid, r.version, exists (select from partial_rooms p where p.room_nid = r.room_nid) as is_partial, h.room_seq, h.state_root, h.extremity_nids, h.depth, h.last_order, h.notify_seq, h.bump_pos,
     h.cause, array(select e.event_id from unnest(h.extremity_nids) with ordinality as x(nid, at)
       join events e on e.event_nid = x.nid order by x.at) as extremity_ids
   from rooms r left join lateral (
     select * from room_heads where room_nid = r.room_nid order by room_seq desc limit 1
   ) h on true where r.room_id = $1`,
);

/** What the auth rules need of state events. `$1` holds event nids. */
export const selectStateEvents = statement<{
  event_nid: number;
  event_id: string;
  auth_gen: number | null;
  json: string;
}>(
  'select_state_events_for_auth',
  `select e.event_nid, e.event_id, e.auth_gen, j.json from events e join event_json j using (event_nid)
   where e.event_nid = any($1::bigint[])`,
);

/** The events that transactions made before, by the device and hash of their replay keys. */
export const selectReplayed = statement<{ event_id: string; room_nid: number }>(
  'select_replayed_event',
  `select e.event_id, e.room_nid from replay_keys k join events e using (event_nid) where k.device_nid = $1 and k.replay_hash = $2`,
);

/** Which of these events are in the database: settles a commit whose outcome is not known. */
export const selectWritten = statement<{ event_id: string }>(
  'select_written_events',
  `select event_id from events where event_id = any($1::text[]) and status >= 2`,
);

/** The lock of a room, waited for, in the transaction that goes on to write. `$1` is the room's nid. */
export const lockRoom = statement<unknown>(
  'lock_room',
  `select pg_advisory_xact_lock(1, ($1::bigint & 2147483647)::integer)`,
);

/**
 * Message-only heads from `$2` up to before `$3`: nothing refers to them. Those that changed the state stay. Both ends are
 * named, since dead entries below, which a long snapshot keeps, would otherwise be walked through each time.
 */
export const trimHeads = statement<unknown>(
  'trim_room_heads',
  `delete from room_heads where room_nid = $1 and room_seq >= $2 and room_seq < $3 and cause = 0`,
);
