/** Owns reading and writing which rooms have been entered without their members, whose full state is still on its way. */
import { statement, type ReadTx, type Tx } from '#storage/database.ts';

/** A room whose state lacks members, and how that came. */
export type PartialRoom = {
  readonly roomNid: number;
  readonly roomId: string;
  readonly version: string;
  /** The join by which this server came in: the state before it is what is fetched. */
  readonly joinNid: number;
  readonly joinId: string;
  /** The server that let us in. */
  readonly resident: string;
  /** Of those that were in the room before the join, as the resident said, the ones that are sent events and asked. */
  readonly servers: readonly string[];
  readonly startedAt: number;
  /** Whether somebody of this server is in the room. */
  readonly hasUsers: boolean;
};

// The whole table, which has a row for each room that is on its way.
const selectAllPartial = statement<PartialRoom>(
  'select_all_partial_rooms',
  `select p.room_nid as "roomNid", r.room_id as "roomId", r.version, p.join_nid as "joinNid", e.event_id as "joinId", p.resident,
     p.servers, p.started_at as "startedAt", exists (select from user_rooms u where u.room_nid = p.room_nid and u.membership = 2) as "hasUsers"
   from partial_rooms p join rooms r using (room_nid) join events e on e.event_nid = p.join_nid
   order by p.started_at, p.room_nid limit $1`,
);
const selectPartialAmong = statement<{ room_nid: number }>(
  'select_partial_rooms_among',
  'select room_nid from partial_rooms where room_nid = any($1::bigint[])',
);

/** Those of the rooms whose state lacks members. */
export async function findPartialRooms(db: ReadTx, roomNids: readonly number[]): Promise<Set<number>> {
  if (roomNids.length === 0) return new Set();
  return new Set((await db.query(selectPartialAmong, [roomNids])).map((row) => row.room_nid));
}

/** All of them, those that have waited longest first, as many as `limit`. */
export function findAllPartialRooms(db: ReadTx, limit: number): Promise<PartialRoom[]> {
  return db.query(selectAllPartial, [limit]);
}

const upsertPartial = statement<never>(
  'upsert_partial_room',
  `insert into partial_rooms (room_nid, join_nid, resident, servers, started_at) values ($1, $2, $3, $4, $5)
   on conflict (room_nid) do update set join_nid = excluded.join_nid, resident = excluded.resident,
     servers = excluded.servers, started_at = excluded.started_at`,
);
const deletePartial = statement<{ room_nid: number }>(
  'delete_partial_room',
  'delete from partial_rooms where room_nid = $1 and join_nid = $2 returning room_nid',
);
const deleteAnyPartial = statement<never>('delete_any_partial_room', 'delete from partial_rooms where room_nid = $1');

export type NewPartialRoom = Omit<PartialRoom, 'roomId' | 'version' | 'joinId' | 'hasUsers'>;

/** A room that is entered once more while it was on its way begins anew. The caller holds the room's lock. */
export async function persistPartialRoom(tx: Tx, room: NewPartialRoom): Promise<void> {
  await tx.query(upsertPartial, [room.roomNid, room.joinNid, room.resident, room.servers, room.startedAt]);
}

/** False if the room is on its way no more, or has been entered once more by another join. The caller holds the room's lock. */
export async function deletePartialRoom(tx: Tx, roomNid: number, joinNid: number): Promise<boolean> {
  return (await tx.query(deletePartial, [roomNid, joinNid])).length > 0;
}

/** Of a room that has been entered with all of its state. The caller holds the room's lock. */
export async function deletePartialRoomOf(tx: Tx, roomNid: number): Promise<void> {
  await tx.query(deleteAnyPartial, [roomNid]);
}
