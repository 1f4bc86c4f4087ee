/** Owns reading how far other servers have been sent what, and what they are still to be sent. */
import { statement, type ReadTx } from '#storage/database.ts';

/** How far a server has been sent each stream. */
export type DestinationPositions = {
  readonly events: number;
  readonly toDevice: number;
  readonly deviceLists: number;
};

const selectDestination = statement<DestinationPositions>(
  'select_destination',
  `select event_pos as "events", to_device_pos as "toDevice", device_lists_pos as "deviceLists"
   from destinations where server_name = $1`,
);
// Looks through all servers ever met, once when a process takes the sending over.
const selectAhead = statement<{ server_name: string; event_pos: number }>(
  'select_destinations_ahead',
  'select server_name, event_pos from destinations where event_pos > $1',
);
const selectMissed = statement<{ server_name: string; room_nid: number; from_order: number }>(
  'select_destination_rooms',
  'select server_name, room_nid, from_order from destination_rooms order by server_name, room_nid',
);

export async function findDestination(db: ReadTx, serverName: string): Promise<DestinationPositions> {
  return (await db.query(selectDestination, [serverName]))[0] ?? { events: 0, toDevice: 0, deviceLists: 0 };
}

/** Servers that have been sent events beyond a position, with how far. */
export async function findDestinationsAhead(db: ReadTx, pos: number): Promise<ReadonlyMap<string, number>> {
  const rows = await db.query(selectAhead, [pos]);
  return new Map(rows.map((row) => [row.server_name, row.event_pos]));
}

/** By server the rooms whose events it has missed, each with the order of the first one. */
export async function findMissedRooms(db: ReadTx): Promise<ReadonlyMap<string, ReadonlyMap<number, number>>> {
  const byServer = Map.groupBy(await db.query(selectMissed, []), (row) => row.server_name);
  return new Map(
    Array.from(byServer, ([name, rows]) => [name, new Map(rows.map((row) => [row.room_nid, row.from_order]))]),
  );
}
