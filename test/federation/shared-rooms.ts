/** Owns rooms that users of a scripted server are said to be in: what the server has on record of them, written directly. */
import { until } from '#test/federation/sending.ts';
import { Client } from 'pg';
import type { FederatedServer } from '#test/support/federated-servers.ts';

/** Runs SQL on a server's database. */
export async function askDatabase(
  { database }: FederatedServer,
  sql: string,
  values: readonly unknown[] = [],
): Promise<Record<string, unknown>[]> {
  const client = new Client(database.connection);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql, [...values])).rows;
  } finally {
    await client.end();
  }
}

/** Until nothing of what was sent to the room waits to be judged. */
export async function untilWorkedThrough(server: FederatedServer, roomId: string): Promise<void> {
  const sql = 'select 1 from inbound_staging where room_id = $1';
  await until(async () => (await askDatabase(server, sql, [roomId])).length === 0);
}

/** As if a join of the user, of another server, had been accepted in a room of this one. */
export async function enterRoom(server: FederatedServer, roomId: string, userId: string): Promise<void> {
  await askDatabase(server, 'insert into users (user_id) values ($1) on conflict do nothing', [userId]);
  await askDatabase(
    server,
    `insert into remote_members (user_id, room_nid, since)
     select $1, room_nid, nextval('sharing_stamps') from rooms where room_id = $2`,
    [userId, roomId],
  );
  await askDatabase(
    server,
    `insert into room_servers (room_nid, server_name, joined) select room_nid, $1, 1 from rooms where room_id = $2
     on conflict (room_nid, server_name) do update set joined = room_servers.joined + 1`,
    [userId.slice(userId.indexOf(':') + 1), roomId],
  );
}

/** As if the user had left it. */
export async function exitRoom(server: FederatedServer, roomId: string, userId: string): Promise<void> {
  await askDatabase(
    server,
    'delete from remote_members where user_id = $1 and room_nid = (select room_nid from rooms where room_id = $2)',
    [userId, roomId],
  );
}
