/** Owns writing how far other servers have been sent what, and which rooms' events they have missed. */
import { statement, type Tx } from '#storage/database.ts';
import type { DestinationPositions } from '#storage/federation/find-outbox.ts';

const upsertPositions = statement<unknown>(
  'upsert_destination_positions',
  `insert into destinations as d (server_name, event_pos, to_device_pos, device_lists_pos)
   select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[])
   on conflict (server_name) do update set event_pos = greatest(d.event_pos, excluded.event_pos),
     to_device_pos = greatest(d.to_device_pos, excluded.to_device_pos),
     device_lists_pos = greatest(d.device_lists_pos, excluded.device_lists_pos)`,
);
const upsertMissed = statement<unknown>(
  'upsert_destination_rooms',
  `insert into destination_rooms (server_name, room_nid, from_order)
   select * from unnest($1::text[], $2::bigint[], $3::bigint[])
   on conflict (server_name, room_nid) do update set from_order = excluded.from_order`,
);
const deleteMissed = statement<unknown>(
  'delete_destination_rooms',
  'delete from destination_rooms where server_name = any($1::text[])',
);

export type PositionsOf = DestinationPositions & { readonly serverName: string };
export type MissedRoom = { readonly serverName: string; readonly roomNid: number; readonly fromOrder: number };

/** No server comes twice. A position never moves back. */
export async function persistPositions(tx: Tx, positions: readonly PositionsOf[]): Promise<void> {
  if (positions.length === 0) return;
  await tx.query(upsertPositions, [
    positions.map(({ serverName }) => serverName),
    positions.map(({ events }) => events),
    positions.map(({ toDevice }) => toDevice),
    positions.map(({ deviceLists }) => deviceLists),
  ]);
}

/** From where on a server has missed the events of a room. No pair comes twice. */
export async function persistMissedRooms(tx: Tx, missed: readonly MissedRoom[]): Promise<void> {
  if (missed.length === 0) return;
  await tx.query(upsertMissed, [
    missed.map(({ serverName }) => serverName),
    missed.map(({ roomNid }) => roomNid),
    missed.map(({ fromOrder }) => fromOrder),
  ]);
}

/** These servers have missed nothing any more. */
export async function persistCaughtUp(tx: Tx, serverNames: readonly string[]): Promise<void> {
  if (serverNames.length > 0) await tx.query(deleteMissed, [serverNames]);
}
