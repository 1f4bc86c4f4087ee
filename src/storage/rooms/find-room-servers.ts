/** Owns reading which servers have users in a room. */
import { statement, type ReadTx } from '#storage/database.ts';

const selectServer = statement<unknown>(
  'select_room_server',
  'select 1 from room_servers where room_nid = $1 and server_name = $2',
);
const selectServers = statement<{ server_name: string }>(
  'select_room_servers',
  'select server_name from room_servers where room_nid = $1 order by joined desc, server_name',
);

/**
 * Whether a user of the server is joined to the room now, or is said to be while the room lacks members; this server counts as
 * any other.
 */
export async function isServerInRoom(db: ReadTx, roomNid: number, serverName: string): Promise<boolean> {
  return (await db.query(selectServer, [roomNid, serverName])).length > 0;
}

/** The servers that have joined users in the room, this one included, those with the most users first. */
export async function findServersInRoom(db: ReadTx, roomNid: number): Promise<string[]> {
  return (await db.query(selectServers, [roomNid])).map((row) => row.server_name);
}
