/** Owns the reads and removals of making a room's projections anew. They run when somebody asks for it, and may take long. */
import { statement } from '#storage/database.ts';

export const deleteSummary = statement<unknown>('delete_room_summary', 'delete from room_summary where room_nid = $1');

// What came with an invite out of band is known from nowhere else.
export const deleteRoomSnapshots = statement<unknown>(
  'delete_room_snapshots',
  `delete from stripped_snapshots s where s.room_nid = $1 and not exists (
     select from user_rooms u join events e on e.event_nid = u.event_nid
     where u.user_nid = s.user_nid and u.room_nid = s.room_nid and e.status = 1
   )`,
);

export type ShownRow = {
  readonly user_nid: number;
  readonly event_nid: number;
  /** The state that the user was shown: before their own event, or after the resolution that brought it back. */
  readonly root: number;
};

/** The local users who are invited or knock, by the index on the room. */
export const selectShown = statement<ShownRow>(
  'select_shown_users',
  `select u.user_nid, u.event_nid, coalesce((
     select h.state_root from room_heads h
     where h.room_nid = u.room_nid and h.pos = u.since_pos and h.cause in (2, 5) and e.pos is distinct from u.since_pos
   ), e.state_before, 0) as root
   from user_rooms u join events e on e.event_nid = u.event_nid
   where u.room_nid = $1 and u.membership in (1, 5) and e.status <> 1`,
);

/**
 * What these redactions (`$1`) do not say: all but the pairs of target (`$2`) and redaction (`$3`). A redaction that was
 * censored itself may no longer tell its target, which the row alone still knows.
 */
export const deleteOtherRedactions = statement<unknown>(
  'delete_other_redactions',
  `delete from redactions d
   where d.redaction_nid = any($1::bigint[])
     and not exists (
       select from unnest($2::text[], $3::bigint[]) as r(target, nid)
       where r.target = d.target_event_id and r.nid = d.redaction_nid
     )
     and not exists (select from event_json j where j.event_nid = d.redaction_nid and j.censored_at is not null)`,
);

/** As `insertRedactions`, where rows may be there already: since when a redaction is in force stays. */
export const upsertRedactions = statement<unknown>(
  'upsert_redactions',
  `insert into redactions as d (target_event_id, redaction_nid, room_nid, valid, uncensored_since)
   select target, nid, room, valid, case when valid then (extract(epoch from clock_timestamp()) * 1000)::bigint end
   from unnest($1::text[], $2::bigint[], $3::bigint[], $4::boolean[]) as r(target, nid, room, valid)
   on conflict (target_event_id, redaction_nid) do update set valid = excluded.valid,
     uncensored_since = case when d.valid and excluded.valid then d.uncensored_since else excluded.uncensored_since end`,
);

export type StoredRedactionRow = {
  readonly event_nid: number;
  readonly event_id: string;
  readonly sender: string;
  readonly state_before: number;
  readonly json: string;
};

/** All redactions of a room in the order in which they came, after `$2`, as many as `$3`. */
export const selectRoomRedactions = statement<StoredRedactionRow>(
  'select_room_redactions',
  `select e.event_nid, e.event_id, u.user_id as sender, e.state_before, j.json
   from events e join users u on u.user_nid = e.sender_nid join event_json j using (event_nid)
   where e.room_nid = $1 and e.type = 'm.room.redaction' and e.status = 2 and e.state_before is not null
     and e.event_nid > $2 order by e.event_nid limit $3`,
);

/** Which of these events are redacted. `$1` holds event ids. */
export const selectRedacted = statement<{ target: string }>(
  'select_redacted_among',
  'select distinct target_event_id as target from redactions where target_event_id = any($1::text[]) and valid',
);
