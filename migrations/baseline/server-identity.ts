/** Owns the tables that say who this server is: its names, keys, token epochs and the database's own secrets. */

export const serverIdentitySql = `
create table local_servers (
  server_name text primary key,
  created_at bigint not null
);

create table signing_keys (
  server_name text not null,
  key_id text not null,
  seed bytea not null,
  created_at bigint not null,
  expired_ts bigint,
  primary key (server_name, key_id)
);

create table token_epochs (
  epoch bigint primary key,
  system_identifier text not null,
  timeline_id bigint not null,
  started_at bigint not null,
  ended_positions bigint[]
);

create table server_secrets (
  name text primary key,
  secret bytea not null
);
`;
