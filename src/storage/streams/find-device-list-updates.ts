/** Owns reading what other servers are to hear of the devices and keys of users of this one. */
import { statement, type ReadTx } from '#storage/database.ts';

/** Stands for a user's signing keys where the id of a device is expected: no device has an empty id. */
export const SIGNING_KEYS = '';

export type DeviceListUpdate = {
  readonly pos: number;
  /** The position of the user's update before this one; null for the first, and for signing keys, which are not counted. */
  readonly prevPos: number | null;
  readonly userId: string;
  readonly deviceId: string;
  readonly isDeleted: boolean;
  readonly displayName: string | null;
};

// As `membershipCodes` has it.
const joined = 2;

// By the index on the position, or, for a server that has few users here in its rooms, by these.
const selectUpdates = statement<DeviceListUpdate>(
  'select_device_list_updates_for_server',
  `select c.pos, c.prev_pos as "prevPos", u.user_id as "userId", c.device_id as "deviceId",
     d.device_nid is null and c.device_id <> '' as "isDeleted", d.display_name as "displayName"
   from device_list_updates c
   join users u on u.user_nid = c.user_nid
   left join devices d on d.user_nid = c.user_nid and d.device_id = c.device_id
   where c.pos > $2 and c.user_nid in (
     select m.user_nid from room_servers s join user_rooms m on m.room_nid = s.room_nid and m.membership = ${joined}
     where s.server_name = $1)
   order by c.pos limit $3`,
);

/** The next updates after a position for a server that shares rooms with their users, oldest first. */
export function findDeviceListUpdates(
  db: ReadTx,
  serverName: string,
  after: number,
  limit: number,
): Promise<DeviceListUpdate[]> {
  return db.query(selectUpdates, [serverName, after, limit]);
}

const selectStreamId = statement<{ pos: number | null }>(
  'select_device_list_stream_id',
  `select max(pos) as pos from device_list_updates where user_nid = $1 and device_id <> ''`,
);

/** The version of a user's list, which the next update names as the one before it; 0 before the first. */
export async function findDeviceListVersion(db: ReadTx, userNid: number): Promise<number> {
  return (await db.query(selectStreamId, [userNid]))[0]?.pos ?? 0;
}

// By the index on the position, then a look at each of a user's rooms.
const selectServers = statement<{ server_name: string }>(
  'select_servers_of_device_list_updates',
  `select distinct s.server_name from device_list_updates c
   join user_rooms m on m.user_nid = c.user_nid and m.membership = ${joined}
   join room_servers s on s.room_nid = m.room_nid
   where c.pos > $1`,
);

/** The servers that share rooms with users of whom there are updates beyond a position. */
export async function findServersOfUpdates(db: ReadTx, after: number): Promise<string[]> {
  return (await db.query(selectServers, [after])).map((row) => row.server_name);
}

// Not which updates concern it, which would be asked of every user in every room.
const selectServersBehind = statement<{ server_name: string }>(
  'select_servers_behind_device_list_updates',
  `select s.server_name from (select distinct server_name from room_servers) s
   left join destinations d on d.server_name = s.server_name
   where coalesce(d.device_lists_pos, 0) < (select max(pos) from device_list_updates)`,
);

/** The servers in any room that have not been told of the last update, whether or not it is for them. */
export async function findServersBehindUpdates(db: ReadTx): Promise<string[]> {
  return (await db.query(selectServersBehind, [])).map((row) => row.server_name);
}

// A server of the room after the other, until one is new to the user.
const selectNewServer = statement<{ is_new: boolean }>(
  'select_whether_user_meets_new_servers',
  `select exists (
     select from room_servers s
     where s.room_nid = $2 and s.server_name not in (select server_name from local_servers) and not exists (
       select from user_rooms m join room_servers o on o.room_nid = m.room_nid and o.server_name = s.server_name
       where m.user_nid = $1 and m.membership = ${joined} and m.room_nid <> $2)
     and exists (select from user_rooms m where m.user_nid = $1 and m.room_nid = $2 and m.membership = ${joined})
   ) as is_new`,
);

/** Whether the user is in the room, and shares with a server of it no other room. */
export async function meetsNewServers(db: ReadTx, userNid: number, roomNid: number): Promise<boolean> {
  return (await db.query(selectNewServer, [userNid, roomNid]))[0]?.is_new ?? false;
}
