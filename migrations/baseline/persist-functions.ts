/** Owns the database functions by which events are written: one call for a batch, position last under the stream's lock. */

/**
 * `persist_heavy` locks rooms, compares heads and writes what bears no position; `persist_flush` takes the stream lock and
 * writes everything that does. `persist_batch` is both in one autocommit statement, and `persist_message` is
 * the same for a batch of one message: scalars instead of arrays cost half. In between, a transaction that has
 * projections to run does its own statements; nothing else may follow `persist_flush` but COMMIT.
 *
 * Arrays are parallel. `p_room*` has an element per room, ascending by nid; `e_*` one per event, in the order in which
 * they become visible; `*_room` and `*_event` are ordinals into those, from 1; `e_at` is the
 * distance from the batch's first position, null for an event that gets none. The answer of `persist_heavy` is a status
 * per room: 0 written, 1 the head is not the one expected, 2 another writer holds the room, 3 a replay key exists already,
 * with its event: a key whose event has been removed is worth nothing, and is overwritten.
 *
 * The event that a relation names is looked up while its child is written. Its thread is the child's too, so that no
 * reader has to follow relations upwards. `k_event` and `k_user` name whom an event highlights under the rules that everybody
 * has, '' for all in the room; those who are not joined here get no row.
 */
export const persistFunctionsSql = `
create sequence events_pos as bigint;

create function persist_heavy(
  p_wait boolean, p_now bigint,
  p_room_nids bigint[], p_room_seqs bigint[], p_room_ids text[], p_room_versions text[],
  p_replay_room integer[], p_replay_device bigint[], p_replay_hash bytea[],
  e_room integer[], e_nid bigint[], e_json text[],
  g_room integer[], g_event bigint[], g_prev bigint[],
  a_room integer[], a_event bigint[], a_auth bigint[],
  n_room integer[], n_nid bigint[], n_entries bytea[]
) returns smallint[] language plpgsql as $$
declare
  v_status smallint[] := array_fill(0::smallint, array[cardinality(p_room_nids)]);
  v_seq bigint;
  v_lock integer;
begin
  for i in 1 .. cardinality(p_room_nids) loop
    v_lock := (p_room_nids[i] & 2147483647)::integer;
    if p_wait then
      perform pg_advisory_xact_lock(1, v_lock);
    elsif not pg_try_advisory_xact_lock(1, v_lock) then
      v_status[i] := 2;
      continue;
    end if;
    if p_room_seqs[i] = 0 and p_room_ids[i] is not null then
      insert into rooms (room_nid, room_id, version, created_at)
      values (p_room_nids[i], p_room_ids[i], p_room_versions[i], p_now);
    else
      select room_seq into v_seq from room_heads where room_nid = p_room_nids[i] order by room_seq desc limit 1;
      -- A room without any head must still be there: it may have been removed since it was looked at.
      if coalesce(v_seq, 0) <> p_room_seqs[i]
        or v_seq is null and not exists (select from rooms where room_nid = p_room_nids[i]) then
        v_status[i] := 1;
      end if;
    end if;
  end loop;
  for i in 1 .. cardinality(p_replay_room) loop
    if v_status[p_replay_room[i]] = 0 and exists (
      select from replay_keys k join events e using (event_nid)
      where k.device_nid = p_replay_device[i] and k.replay_hash = p_replay_hash[i]
    ) then
      v_status[p_replay_room[i]] := 3;
    end if;
  end loop;
  insert into event_json (event_nid, json)
  select nid, json from unnest(e_room, e_nid, e_json) as e(room, nid, json) where v_status[room] = 0
  on conflict (event_nid) do nothing;
  insert into event_edges (event_nid, prev_nid)
  select event, prev from unnest(g_room, g_event, g_prev) as g(room, event, prev) where v_status[room] = 0;
  if cardinality(a_room) > 0 then
    insert into event_auth (event_nid, auth_nid)
    select event, auth from unnest(a_room, a_event, a_auth) as a(room, event, auth) where v_status[room] = 0
    on conflict (event_nid, auth_nid) do nothing;
  end if;
  if cardinality(n_room) > 0 then
    insert into state_nodes (room_nid, node_nid, entries)
    select p_room_nids[room], nid, entries from unnest(n_room, n_nid, n_entries) as n(room, nid, entries)
    where v_status[room] = 0;
  end if;
  return v_status;
end
$$;

create function persist_flush(
  p_status smallint[], p_now bigint,
  p_room_nids bigint[], p_room_seqs bigint[], h_root bigint[], h_extremity bigint[], x_room integer[], x_nid bigint[],
  h_depth bigint[],
  h_order bigint[], h_notify bigint[], h_cause smallint[], h_last_event integer[], h_bump_event integer[], h_bump_pos bigint[],
  e_room integer[], e_nid bigint[], e_id text[], e_status smallint[], e_at integer[], e_type text[], e_key bigint[], e_sender bigint[], e_ts bigint[],
  e_depth bigint[], e_order bigint[], e_state_before bigint[], e_visibility smallint[], e_partial smallint[], e_auth_gen integer[],
  e_relates_to text[], e_rel_type text[],
  e_notify bigint[], e_step smallint[], k_event integer[], k_user text[], e_txn_device bigint[], e_txn_id text[], e_replay_hash bytea[],
  m_event integer[], m_user bigint[], m_membership smallint[], m_was smallint[], m_nid bigint[], m_cause smallint[]
) returns bigint language plpgsql as $$
declare
  v_first bigint;
  v_parent integer;
  v_target bigint;
  v_thread bigint;
  v_targets bigint[] := '{}';
  v_threads bigint[] := '{}';
begin
  for i in 1 .. cardinality(e_nid) loop
    if e_relates_to[i] is not null then
      v_parent := array_position(e_id, e_relates_to[i]);
      if v_parent < i and e_room[v_parent] = e_room[i] then
        v_target := e_nid[v_parent];
        v_thread := v_threads[v_parent];
      else
        select event_nid, thread_root_nid into v_target, v_thread
        from events where event_id = e_relates_to[i] and room_nid = p_room_nids[e_room[i]];
      end if;
      v_targets[i] := v_target;
      v_threads[i] := case when e_rel_type[i] = 'm.thread' then v_target else v_thread end;
    end if;
  end loop;
  perform pg_advisory_xact_lock(2, 1);
  select min(nextval('events_pos')) into v_first from generate_series(1, cardinality(e_nid));
  insert into events (
    event_nid, room_nid, event_id, status, pos, room_order, type, key_nid, sender_nid, origin_server_ts, depth,
    state_before, state_partial, history_visibility, auth_gen, relates_to, relates_to_nid, rel_type, thread_root_nid,
    notify_seq, notify_step, txn_device_nid, txn_id
  )
  select nid, p_room_nids[room], id, status, v_first + at, room_order, type, key, sender, ts, depth,
    state_before, is_partial = 1, visibility, auth_gen, relates_to, v_targets[ord], rel_type, v_threads[ord],
    notify, step, txn_device, txn_id
  from unnest(
    e_room, e_nid, e_id, e_status, e_at, e_type, e_key, e_sender, e_ts, e_depth, e_order, e_state_before, e_visibility, e_partial, e_auth_gen,
    e_relates_to, e_rel_type, e_notify, e_step, e_txn_device, e_txn_id
  ) with ordinality as e(
    room, nid, id, status, at, type, key, sender, ts, depth, room_order, state_before, visibility, is_partial, auth_gen,
    relates_to, rel_type, notify, step, txn_device, txn_id, ord
  ) where p_status[room] = 0
  on conflict (event_nid) do update set status = excluded.status, pos = excluded.pos, room_order = excluded.room_order,
    type = excluded.type, key_nid = excluded.key_nid, sender_nid = excluded.sender_nid,
    origin_server_ts = excluded.origin_server_ts, depth = excluded.depth, state_before = excluded.state_before,
    state_partial = excluded.state_partial, history_visibility = excluded.history_visibility, auth_gen = excluded.auth_gen, relates_to = excluded.relates_to,
    relates_to_nid = excluded.relates_to_nid, rel_type = excluded.rel_type, thread_root_nid = excluded.thread_root_nid,
    notify_seq = excluded.notify_seq, notify_step = excluded.notify_step
  where events.status < 2;
  insert into room_heads (
    room_nid, room_seq, pos, bump_pos, state_root, extremity_nids, depth, last_order, notify_seq, cause
  )
  select nid, seq + 1,
    case when last_event > 0 then v_first + last_event - 1 else (
      select pos from room_heads where room_nid = nid and room_seq = seq
    ) end,
    case when bump_event > 0 then v_first + bump_event - 1 else bump_pos end,
    root,
    case when extremity is not null and ord <> all(x_room) then array[extremity] else array(
      select x.nid from unnest(x_room, x_nid) with ordinality as x(room, nid, at) where x.room = ord order by x.at
    ) end,
    depth, last_order, notify, cause
  from unnest(
    p_status, p_room_nids, p_room_seqs, h_root, h_extremity, h_depth, h_order, h_notify, h_cause, h_last_event,
    h_bump_event, h_bump_pos
  ) with ordinality as h(
    status, nid, seq, root, extremity, depth, last_order, notify, cause, last_event, bump_event, bump_pos, ord
  ) where status = 0;
  insert into replay_keys (device_nid, replay_hash, event_nid, created_at)
  select device, hash, nid, p_now
  from unnest(e_room, e_nid, e_txn_device, e_replay_hash) as r(room, nid, device, hash)
  where hash is not null and p_status[room] = 0
  on conflict (device_nid, replay_hash) do update set event_nid = excluded.event_nid, created_at = excluded.created_at;
  if cardinality(m_event) > 0 then
    insert into membership_log (user_nid, pos, room_nid, membership, was, event_nid, cause)
    select member, v_first + event - 1, p_room_nids[e_room[event]], membership, was, nid, cause
    from unnest(m_event, m_user, m_membership, m_was, m_nid, m_cause) as m(event, member, membership, was, nid, cause)
    where p_status[e_room[event]] = 0;
    for i in 1 .. cardinality(m_event) loop
      if p_status[e_room[m_event[i]]] = 0 then
        insert into user_rooms (user_nid, room_nid, membership, since_pos, event_nid)
        values (m_user[i], p_room_nids[e_room[m_event[i]]], m_membership[i], v_first + m_event[i] - 1, m_nid[i])
        on conflict (user_nid, room_nid) do update set membership = excluded.membership,
          since_pos = excluded.since_pos, event_nid = excluded.event_nid, forgotten_pos = null;
      end if;
    end loop;
  end if;
  if cardinality(k_event) > 0 then
    insert into notifications (user_nid, pos, room_nid, event_nid, thread_root_nid, room_order, step)
    select coalesce(m.user_nid, 0), v_first + e_at[event], p_room_nids[e_room[event]], e_nid[event],
      v_threads[event], e_order[event], e_step[event]
    from unnest(k_event, k_user) as k(event, name)
    left join users u on u.user_id = k.name
    left join user_rooms m on m.user_nid = u.user_nid and m.room_nid = p_room_nids[e_room[event]] and m.membership = 2
    where p_status[e_room[event]] = 0 and e_at[event] is not null and (k.name = '' or m.user_nid is not null)
    on conflict (user_nid, pos) do nothing;
  end if;
  return v_first;
end
$$;

create function persist_batch(
  p_now bigint, p_room_nids bigint[], p_room_seqs bigint[],
  p_replay_room integer[], p_replay_device bigint[], p_replay_hash bytea[],
  g_room integer[], g_event bigint[], g_prev bigint[],
  h_root bigint[], h_extremity bigint[], h_depth bigint[],
  h_order bigint[], h_notify bigint[], h_cause smallint[], h_last_event integer[], h_bump_event integer[], h_bump_pos bigint[],
  e_json text[],
  e_room integer[], e_nid bigint[], e_id text[], e_type text[], e_sender bigint[], e_ts bigint[],
  e_depth bigint[], e_order bigint[], e_state_before bigint[], e_visibility smallint[],
  e_relates_to text[], e_rel_type text[],
  e_notify bigint[], e_step smallint[], k_event integer[], k_user text[], e_txn_device bigint[], e_txn_id text[], e_replay_hash bytea[],
  out o_status smallint[], out o_first_pos bigint
) language plpgsql as $$
begin
  o_status := persist_heavy(
    false, p_now, p_room_nids, p_room_seqs, '{}', '{}', p_replay_room, p_replay_device, p_replay_hash,
    e_room, e_nid, e_json, g_room, g_event, g_prev, '{}', '{}', '{}', '{}', '{}', '{}'
  );
  if 0 = any(o_status) then
    o_first_pos := persist_flush(
      o_status, p_now, p_room_nids, p_room_seqs, h_root, h_extremity, '{}', '{}', h_depth, h_order, h_notify, h_cause, h_last_event,
      h_bump_event, h_bump_pos, e_room, e_nid, e_id, array_fill(2::smallint, array[cardinality(e_nid)]),
      array(select generate_series(0, cardinality(e_nid) - 1)), e_type, array_fill(null::bigint, array[cardinality(e_nid)]), e_sender,
      e_ts, e_depth, e_order, e_state_before, e_visibility, array_fill(0::smallint, array[cardinality(e_nid)]),
      array_fill(null::integer, array[cardinality(e_nid)]),
      e_relates_to, e_rel_type, e_notify, e_step, k_event, k_user, e_txn_device, e_txn_id,
      e_replay_hash, '{}', '{}', '{}', '{}', '{}', '{}'
    );
  end if;
end
$$;

create function persist_message(
  p_now bigint, p_room_nid bigint, p_room_seq bigint, p_bump_pos bigint, p_bumps boolean, p_state_root bigint,
  e_nid bigint, e_id text, e_json text, e_prevs bigint[], e_type text, e_sender bigint, e_ts bigint, e_depth bigint,
  e_order bigint, e_visibility smallint, e_relates_to text, e_rel_type text, e_notify bigint,
  e_step smallint, k_user text[],
  e_txn_device bigint, e_txn_id text, e_replay_hash bytea,
  out o_status smallint, out o_pos bigint
) language plpgsql as $$
declare
  v_seq bigint;
  v_target bigint;
  v_thread bigint;
begin
  if not pg_try_advisory_xact_lock(1, (p_room_nid & 2147483647)::integer) then
    o_status := 2;
    return;
  end if;
  select room_seq into v_seq from room_heads where room_nid = p_room_nid order by room_seq desc limit 1;
  if v_seq is distinct from p_room_seq then
    o_status := 1;
    return;
  end if;
  if e_replay_hash is not null and exists (
    select from replay_keys k join events e using (event_nid)
    where k.device_nid = e_txn_device and k.replay_hash = e_replay_hash
  ) then
    o_status := 3;
    return;
  end if;
  insert into event_json (event_nid, json) values (e_nid, e_json);
  insert into event_edges (event_nid, prev_nid) select e_nid, unnest(e_prevs);
  if e_relates_to is not null then
    select event_nid, case when e_rel_type = 'm.thread' then event_nid else thread_root_nid end into v_target, v_thread
    from events where event_id = e_relates_to and room_nid = p_room_nid;
  end if;
  perform pg_advisory_xact_lock(2, 1);
  o_pos := nextval('events_pos');
  insert into events (
    event_nid, room_nid, event_id, status, pos, room_order, type, sender_nid, origin_server_ts, depth, state_before,
    history_visibility, relates_to, relates_to_nid, rel_type, thread_root_nid, notify_seq, notify_step,
    txn_device_nid, txn_id
  ) values (
    e_nid, p_room_nid, e_id, 2, o_pos, e_order, e_type, e_sender, e_ts, e_depth, p_state_root,
    e_visibility, e_relates_to, v_target, e_rel_type, v_thread, e_notify, e_step, e_txn_device, e_txn_id
  );
  insert into room_heads (
    room_nid, room_seq, pos, bump_pos, state_root, extremity_nids, depth, last_order, notify_seq, cause
  ) values (
    p_room_nid, p_room_seq + 1, o_pos, case when p_bumps then o_pos else p_bump_pos end, p_state_root, array[e_nid],
    e_depth, e_order, e_notify, 0
  );
  if e_replay_hash is not null then
    insert into replay_keys (device_nid, replay_hash, event_nid, created_at)
    values (e_txn_device, e_replay_hash, e_nid, p_now)
    on conflict (device_nid, replay_hash) do update set event_nid = excluded.event_nid, created_at = excluded.created_at;
  end if;
  if cardinality(k_user) > 0 then
    insert into notifications (user_nid, pos, room_nid, event_nid, thread_root_nid, room_order, step)
    select coalesce(m.user_nid, 0), o_pos, p_room_nid, e_nid, v_thread, e_order, e_step
    from unnest(k_user) as k(name)
    left join users u on u.user_id = k.name
    left join user_rooms m on m.user_nid = u.user_nid and m.room_nid = p_room_nid and m.membership = 2
    where k.name = '' or m.user_nid is not null
    on conflict (user_nid, pos) do nothing;
  end if;
  o_status := 0;
end
$$;
`;
