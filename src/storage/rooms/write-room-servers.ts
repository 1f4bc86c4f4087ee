/** Owns the statements by which is kept which servers are in a room, and where an event goes besides. */
import { statement } from '#storage/database.ts';

/** `$1` room nids, `$2` servers, `$3` by how many their joined users have become more. No pair comes twice. */
export const addToRoomServers = statement<unknown>(
  'add_to_room_servers',
  `insert into room_servers as s (room_nid, server_name, joined)
   select * from unnest($1::bigint[], $2::text[], $3::bigint[])
   on conflict (room_nid, server_name) do update set joined = s.joined + excluded.joined`,
);

/** Those of the pairs go of which nobody is left, as far as is known. */
export const deleteVacatedServers = statement<unknown>(
  'delete_vacated_room_servers',
  `delete from room_servers s using unnest($1::bigint[], $2::text[]) as gone(room_nid, server_name)
   where s.room_nid = gone.room_nid and s.server_name = gone.server_name and s.joined <= 0 and not s.is_told`,
);

/** Those that are there only because they are said to be stay, with nobody. */
export const clearRoomServers = statement<unknown>(
  'clear_room_servers',
  `with cleared as (update room_servers set joined = 0 where room_nid = $1 and is_told)
   delete from room_servers where room_nid = $1 and not is_told`,
);

/** `$2` are said to be in the room `$1`, whose members are not all known yet. */
export const addToldServers = statement<unknown>(
  'add_told_room_servers',
  `insert into room_servers (room_nid, server_name, joined, is_told)
   select $1, name, 0, true from unnest($2::text[]) as t(name)
   on conflict (room_nid, server_name) do update set is_told = true`,
);

/** All members of the room are known now: what was said of its servers counts no more. */
export const forgetToldServers = statement<unknown>(
  'forget_told_room_servers',
  `with known as (update room_servers set is_told = false where room_nid = $1 and is_told and joined > 0)
   delete from room_servers where room_nid = $1 and joined <= 0`,
);

/** `$1` event nids, `$2` whether each is ours to send, `$3` a server each to which it goes besides, or null. */
export const insertEventDestinations = statement<unknown>(
  'insert_event_destinations',
  `insert into event_destinations (event_nid, server_names)
   select nid, case when not is_ours then null when name is null then '{}'::text[] else array[name] end
   from unnest($1::bigint[], $2::boolean[], $3::text[]) as d(nid, is_ours, name)
   on conflict (event_nid) do nothing`,
);
