/** Owns the tables that answer who is in which room and what a room looks like from outside, and by which names it is found. */

export const roomMembersSql = `
create table membership_log (
  user_nid bigint not null,
  pos bigint not null,
  room_nid bigint not null,
  membership smallint not null,
  was smallint not null,
  event_nid bigint,
  cause smallint not null,
  primary key (user_nid, pos)
);

create table user_rooms (
  user_nid bigint not null,
  room_nid bigint not null,
  membership smallint not null,
  since_pos bigint not null,
  event_nid bigint,
  forgotten_pos bigint,
  primary key (user_nid, room_nid)
);
create index user_rooms_room_nid_index on user_rooms (room_nid, membership);

create table room_summary (
  room_nid bigint primary key,
  name text,
  avatar_url text,
  topic text,
  canonical_alias text,
  room_type text,
  encryption text,
  tombstone text,
  join_rule text,
  history_visibility text,
  guest_access text,
  allowed_room_ids text,
  hero_nids bigint[] not null,
  joined_count bigint not null,
  invited_count bigint not null
);

create table room_aliases (
  alias text primary key,
  room_nid bigint not null,
  creator_nid bigint not null,
  created_at bigint not null
);
create index room_aliases_room_nid_index on room_aliases (room_nid);

create table published_rooms (
  room_nid bigint primary key,
  published_at bigint not null
);

create table stripped_snapshots (
  user_nid bigint not null,
  room_nid bigint not null,
  state text not null,
  primary key (user_nid, room_nid)
);
create index stripped_snapshots_room_nid_index on stripped_snapshots (room_nid);
`;
