/** Owns the tables of the four streams beside events: user data, to-device, device lists and keys, ephemeral. */

export const userStreamsSql = `
create sequence user_data_pos as bigint;
create sequence to_device_pos as bigint;
create sequence device_lists_pos as bigint;
create sequence ephemeral_pos as bigint;

create function stream_position(p_stream integer) returns bigint language plpgsql as $$
begin
  case p_stream
    when 1 then return (select case when is_called then last_value else 0 end from events_pos);
    when 2 then return (select case when is_called then last_value else 0 end from user_data_pos);
    when 3 then return (select case when is_called then last_value else 0 end from to_device_pos);
    when 4 then return (select case when is_called then last_value else 0 end from device_lists_pos);
    when 5 then return (select case when is_called then last_value else 0 end from ephemeral_pos);
  end case;
end
$$;

create function lock_stream(p_stream integer) returns bigint language plpgsql as $$
begin
  perform pg_advisory_xact_lock(2, p_stream);
  return stream_position(p_stream);
end
$$;

create function settled_position(p_stream integer) returns bigint language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(2, p_stream);
  return stream_position(p_stream);
end
$$;

create table account_data (
  user_nid bigint not null,
  room_nid bigint not null default 0,
  type text not null,
  content text not null,
  pos bigint not null,
  primary key (user_nid, room_nid, type)
);
create unique index account_data_pos_key on account_data (pos);
create index account_data_user_pos_index on account_data (user_nid, pos);
create index account_data_room_nid_index on account_data (room_nid);

create table completed_rooms (
  user_nid bigint not null,
  room_nid bigint not null,
  pos bigint not null,
  changed_keys bigint[] not null default '{}',
  primary key (user_nid, room_nid)
);
create unique index completed_rooms_pos_key on completed_rooms (pos);
create index completed_rooms_room_nid_index on completed_rooms (room_nid);

create table receipts (
  room_nid bigint not null,
  user_nid bigint not null,
  receipt_type text not null,
  thread_id text not null default '',
  event_id text not null,
  room_order bigint,
  ts bigint not null,
  pos bigint not null,
  primary key (room_nid, user_nid, receipt_type, thread_id)
);
create unique index receipts_pos_key on receipts (pos);
create index receipts_room_pos_index on receipts (room_nid, pos);

create table to_device_messages (
  device_nid bigint not null,
  pos bigint not null,
  user_nid bigint not null,
  sender text not null,
  type text not null,
  content text not null,
  message_id text,
  primary key (device_nid, pos)
);
create unique index to_device_messages_pos_key on to_device_messages (pos);

create table to_device_transactions (
  device_nid bigint not null,
  txn_hash bytea not null,
  created_at bigint not null,
  primary key (device_nid, txn_hash)
);
create index to_device_transactions_created_at_index on to_device_transactions (created_at);

create table to_device_outbox (
  server_name text not null,
  pos bigint not null,
  edu text not null,
  created_at bigint not null,
  primary key (server_name, pos)
);
create unique index to_device_outbox_pos_key on to_device_outbox (pos);
create index to_device_outbox_created_at_index on to_device_outbox (created_at);

create table received_messages (
  origin text not null,
  message_id text not null,
  received_at bigint not null,
  primary key (origin, message_id)
);
create index received_messages_received_at_index on received_messages (received_at);

create table device_key_changes (
  device_nid bigint primary key,
  user_nid bigint not null,
  pos bigint not null
);
create unique index device_key_changes_pos_key on device_key_changes (pos);

create table trust_changes (
  user_nid bigint not null,
  target_nid bigint not null,
  pos bigint not null,
  primary key (user_nid, target_nid)
);
create unique index trust_changes_pos_key on trust_changes (pos);

create table device_list_changes (
  pos bigint primary key,
  user_nid bigint not null
);
create index device_list_changes_user_nid_index on device_list_changes (user_nid, pos);

create table device_list_updates (
  user_nid bigint not null,
  device_id text not null,
  pos bigint not null,
  prev_pos bigint,
  is_deleted boolean not null,
  changed_at bigint not null,
  primary key (user_nid, device_id)
);
create unique index device_list_updates_pos_key on device_list_updates (pos);
create index device_list_updates_changed_at_index on device_list_updates (is_deleted, changed_at);

create unlogged table typing (
  room_nid bigint not null,
  user_nid bigint not null,
  expires_at bigint not null,
  is_typing boolean not null,
  pos bigint not null,
  primary key (room_nid, user_nid)
);
create index typing_pos_index on typing (pos);
create index typing_expires_at_index on typing (is_typing, expires_at);

create unlogged table presence (
  user_nid bigint primary key,
  presence text not null,
  status_msg text,
  last_active_at bigint not null,
  connected_until bigint not null,
  pos bigint not null
);
create index presence_pos_index on presence (pos);
create index presence_connected_index on presence (connected_until) where presence <> 'offline';
create index presence_active_index on presence (last_active_at) where presence = 'online';

create table sliding_connections (
  device_nid bigint not null,
  connection_id text not null,
  base_pos bigint not null,
  delta_pos bigint,
  exceptions text not null,
  used_at bigint not null,
  primary key (device_nid, connection_id)
);
create index sliding_connections_used_at_index on sliding_connections (used_at);
`;
