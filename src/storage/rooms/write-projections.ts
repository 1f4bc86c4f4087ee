/** Owns the statements of the projections of rooms: one for each, whatever the size of the batch. */
import { statement } from '#storage/database.ts';

/** `$1` room nids, `$2` a JSON object of changed columns each, `$3`, `$4` differences of the two counts. */
export const applySummaries = statement<unknown>(
  'apply_room_summaries',
  `insert into room_summary as s (room_nid, name, avatar_url, topic, canonical_alias, room_type, encryption, tombstone,
     join_rule, history_visibility, guest_access, allowed_room_ids, hero_nids, joined_count, invited_count)
   select nid, p->>'name', p->>'avatar_url', p->>'topic', p->>'canonical_alias', p->>'room_type', p->>'encryption',
     p->>'tombstone', p->>'join_rule', p->>'history_visibility', p->>'guest_access',
     p->>'allowed_room_ids', '{}', joined, invited
   from unnest($1::bigint[], $2::jsonb[], $3::bigint[], $4::bigint[]) as patch(nid, p, joined, invited)
   on conflict (room_nid) do update set
     joined_count = s.joined_count + excluded.joined_count,
     invited_count = s.invited_count + excluded.invited_count`,
);

/** The changed columns of rooms that exist: a null in the object clears its column. */
export const patchSummaries = statement<unknown>(
  'patch_room_summaries',
  `update room_summary s set
     name = case when p ? 'name' then p->>'name' else s.name end,
     avatar_url = case when p ? 'avatar_url' then p->>'avatar_url' else s.avatar_url end,
     topic = case when p ? 'topic' then p->>'topic' else s.topic end,
     canonical_alias = case when p ? 'canonical_alias' then p->>'canonical_alias' else s.canonical_alias end,
     encryption = case when p ? 'encryption' then p->>'encryption' else s.encryption end,
     tombstone = case when p ? 'tombstone' then p->>'tombstone' else s.tombstone end,
     join_rule = case when p ? 'join_rule' then p->>'join_rule' else s.join_rule end,
     history_visibility = case when p ? 'history_visibility' then p->>'history_visibility' else s.history_visibility end,
     guest_access = case when p ? 'guest_access' then p->>'guest_access' else s.guest_access end,
     allowed_room_ids = case when p ? 'allowed_room_ids' then p->>'allowed_room_ids' else s.allowed_room_ids end
   from unnest($1::bigint[], $2::jsonb[]) as patch(nid, p) where s.room_nid = patch.nid`,
);

/**
 * Who a room is named after: the first members in the order of the stream. More are kept than are shown, so that some
 * are left when members leave. Who comes is kept only where all who came before are, and else found when too few are left.
 * `$2` and `$3` are nids that came and went, separated by commas; the counts of members are up to date.
 */
export const patchHeroes = statement<unknown>(
  'patch_room_heroes',
  `update room_summary s set hero_nids = case
     when cardinality(kept || newer) >= s.joined_count + s.invited_count then (kept || newer)[1:20] else kept
   end
   from unnest($1::bigint[], $2::text[], $3::text[]) as patch(nid, came, gone)
   join room_summary f on f.room_nid = patch.nid
   cross join lateral (
     select array(
       select nid from unnest(f.hero_nids) with ordinality as h(nid, at)
       where nid <> all(string_to_array(gone, ',')::bigint[]) order by at
     ) as kept, array(
       select nid from unnest(string_to_array(came, ',')::bigint[]) with ordinality as c(nid, at)
       where nid <> all(f.hero_nids) order by at
     ) as newer
   ) both_lists
   where s.room_nid = patch.nid
     and (cardinality(s.hero_nids) < 20 or s.hero_nids && string_to_array(gone, ',')::bigint[])`,
);

/** The state as the invited or knocking user is shown it: a JSON array. */
export const writeSnapshots = statement<unknown>(
  'write_stripped_snapshots',
  `insert into stripped_snapshots (user_nid, room_nid, state)
   select * from unnest($1::bigint[], $2::bigint[], $3::text[])
   on conflict (user_nid, room_nid) do update set state = excluded.state`,
);
export const deleteSnapshots = statement<unknown>(
  'delete_stripped_snapshots',
  `delete from stripped_snapshots s using unnest($1::bigint[], $2::bigint[]) as gone(user_nid, room_nid)
   where s.user_nid = gone.user_nid and s.room_nid = gone.room_nid`,
);

export const selectRedactionTargets = statement<{ event_id: string; room_nid: number; sender: string }>(
  'select_redaction_targets',
  `select e.event_id, e.room_nid, u.user_id as sender from events e join users u on u.user_nid = e.sender_nid
   where e.event_id = any($1::text[])`,
);
/** Those of the events that are state of these types under the empty key. */
export const selectRedactedState = statement<{
  event_id: string;
  event_nid: number;
  room_nid: number;
  type: string;
  key_nid: number;
  sender: string;
}>(
  'select_redacted_state',
  `select e.event_id, e.event_nid, e.room_nid, e.type, e.key_nid, u.user_id as sender
   from events e join state_keys k on k.key_nid = e.key_nid join users u on u.user_nid = e.sender_nid
   where e.event_id = any($1::text[]) and e.type = any($2::text[]) and k.state_key = '' and e.status in (1, 2)`,
);
// Who is censored in how long is counted from when the redaction took effect here, by the database's clock.
const nowMs = '(extract(epoch from clock_timestamp()) * 1000)::bigint';

export const insertRedactions = statement<unknown>(
  'insert_redactions',
  `insert into redactions (target_event_id, redaction_nid, room_nid, valid, uncensored_since)
   select target, nid, room, valid, case when valid then ${nowMs} end
   from unnest($1::text[], $2::bigint[], $3::bigint[], $4::boolean[]) as r(target, nid, room, valid)
   on conflict (target_event_id, redaction_nid) do nothing`,
);

/** Whether redactions of targets that have come take effect: `$1` targets, `$2` nids of the redactions, `$3` the verdicts. */
export const settleRedactions = statement<unknown>(
  'settle_redactions',
  `update redactions r set valid = s.valid, uncensored_since = case when s.valid then ${nowMs} end
   from unnest($1::text[], $2::bigint[], $3::boolean[]) as s(target, nid, valid)
   where r.target_event_id = s.target and r.redaction_nid = s.nid`,
);

/** What is redacted relates to nothing any more, in whatever thread or aggregation it was. `$1` holds event ids. */
export const breakRelations = statement<unknown>(
  'break_relations',
  `update events set relates_to = null, relates_to_nid = null, rel_type = null, thread_root_nid = null
   where event_id = any($1::text[]) and relates_to is not null`,
);
