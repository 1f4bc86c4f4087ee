/** Owns the database function by which a user's membership of a room is written in which this server has nobody. */

/**
 * An invite, a knock, or the end of either, of a room of which nothing else is known here. The event is an outlier with a
 * position, so that a sync hears of it. One statement, as nothing may be waited for under the stream's lock; the row of
 * the event has been made by its mention. `p_state` is what the user is shown of the room, null when nothing any more.
 * `o_status`: 0 written, 1 somebody of this server is in the room, whose own state tells then, 2 the event was here before,
 * 3 the room is gone.
 */
export const outOfBandSql = `
create function persist_out_of_band(
  p_room_nid bigint, p_event_nid bigint, p_json text, p_key bigint, p_sender bigint, p_ts bigint, p_depth bigint,
  p_user bigint, p_membership smallint, p_state text, out o_status smallint, out o_pos bigint
) language plpgsql as $$
declare
  v_was smallint;
begin
  perform pg_advisory_xact_lock(1, (p_room_nid & 2147483647)::integer);
  if not exists (select from rooms where room_nid = p_room_nid)
    or (select cause from room_heads where room_nid = p_room_nid order by room_seq desc limit 1) = 4 then
    o_status := 3;
    return;
  end if;
  if exists (select from user_rooms where room_nid = p_room_nid and membership = 2) then
    o_status := 1;
    return;
  end if;
  if exists (select from events where event_nid = p_event_nid and (status >= 2 or pos is not null)) then
    o_status := 2;
    return;
  end if;
  insert into event_json (event_nid, json) values (p_event_nid, p_json) on conflict (event_nid) do nothing;
  if p_state is null then
    delete from stripped_snapshots where user_nid = p_user and room_nid = p_room_nid;
  else
    insert into stripped_snapshots (user_nid, room_nid, state) values (p_user, p_room_nid, p_state)
    on conflict (user_nid, room_nid) do update set state = excluded.state;
  end if;
  select membership into v_was from user_rooms where user_nid = p_user and room_nid = p_room_nid;
  perform pg_advisory_xact_lock(2, 1);
  o_pos := nextval('events_pos');
  update events set status = 1, pos = o_pos, type = 'm.room.member', key_nid = p_key, sender_nid = p_sender,
    origin_server_ts = p_ts, depth = p_depth
  where event_nid = p_event_nid;
  insert into membership_log (user_nid, pos, room_nid, membership, was, event_nid, cause)
  values (p_user, o_pos, p_room_nid, p_membership, coalesce(v_was, 0), p_event_nid, 0);
  insert into user_rooms (user_nid, room_nid, membership, since_pos, event_nid)
  values (p_user, p_room_nid, p_membership, o_pos, p_event_nid)
  on conflict (user_nid, room_nid) do update set membership = excluded.membership, since_pos = excluded.since_pos,
    event_nid = excluded.event_nid, forgotten_pos = null;
  o_status := 0;
end
$$;
`;
