/** Owns reading rooms, their heads and who is in them. */
import { BoundedMap } from '#core/bounded-map.ts';
import { findRoomVersion, type RoomVersion } from '#matrix/room-versions.ts';
import { statement, type ReadTx } from '#storage/database.ts';
import { headCauses } from '#storage/rooms/persist-columns.ts';

/** A room that is here. Neither part ever changes. */
export type KnownRoom = { readonly roomNid: number; readonly roomId: string; readonly version: RoomVersion };

/** The newest row of a room's heads: where the next event goes. */
export type RoomHead = {
  readonly roomSeq: number;
  readonly pos: number;
  readonly stateRoot: number;
  readonly lastOrder: number;
  /** Whether members are missing from the state: the room was entered without them, and they are on their way. */
  readonly isPartial: boolean;
};

/** A membership as a column holds it (`membershipCodes`), and since when. */
export type RoomMembership = {
  readonly membership: number;
  readonly sincePos: number;
  readonly eventNid: number | undefined;
  readonly forgottenPos: number | undefined;
};

export type MembershipChange = {
  readonly pos: number;
  readonly membership: number;
  readonly was: number;
  /** `room_order` of the event that brought the change; null where that is none of the room's timeline, or not asked for. */
  readonly roomOrder?: number | null;
};

/** All null where there is no row. */
type MembershipRow = {
  membership: number | null;
  since_pos: number | null;
  event_nid: number | null;
  forgotten_pos: number | null;
};

const selectRoom = statement<{ room_nid: number; version: string }>(
  'select_room_by_id',
  `select room_nid, version from rooms where room_id = $1`,
);
const selectRoomId = statement<{ room_id: string }>(
  'select_room_id_by_nid',
  `select room_id from rooms where room_nid = $1`,
);
// A look at a table that is nearly empty.
const isPartial = 'exists (select from partial_rooms p where p.room_nid = h.room_nid) as is_partial';
const selectHead = statement<{
  room_seq: number;
  pos: number;
  state_root: number;
  last_order: number;
  is_partial: boolean;
}>(
  'select_room_head',
  `select room_seq, pos, state_root, last_order, ${isPartial} from (
     select * from room_heads where room_nid = $1 order by room_seq desc limit 1
   ) h where h.cause <> ${headCauses.purged}`,
);
const selectHeadForUser = statement<{ state_root: number; last_order: number; is_partial: boolean } & MembershipRow>(
  'select_room_head_for_user',
  `select h.state_root, h.last_order, ${isPartial}, u.membership, u.since_pos, u.event_nid, u.forgotten_pos
   from (
     select room_nid, state_root, last_order, cause from room_heads where room_nid = $2 order by room_seq desc limit 1
   ) h
   left join user_rooms u on u.room_nid = h.room_nid and u.user_nid = $1
   where h.cause <> ${headCauses.purged}`,
);
const selectRootAt = statement<{ state_root: number }>(
  'select_state_root_at',
  `select state_root from room_heads where room_nid = $1 and pos <= $2 and cause <> 0 order by pos desc limit 1`,
);
const selectFirstRoot = statement<{ state_root: number }>(
  'select_first_state_root',
  `select state_root from room_heads where room_nid = $1 and cause <> 0 order by room_seq limit 1`,
);
const selectMembership = statement<MembershipRow>(
  'select_user_room',
  `select membership, since_pos, event_nid, forgotten_pos from user_rooms where user_nid = $1 and room_nid = $2`,
);
const selectChanges = statement<MembershipChange>(
  'select_membership_changes',
  `select l.pos, l.membership, l.was, e.room_order as "roomOrder"
   from membership_log l left join events e on e.pos = l.pos
   where l.user_nid = $1 and l.room_nid = $2 order by l.pos`,
);
const selectJoined = statement<{ room_id: string; room_nid: number }>(
  'select_joined_rooms',
  `select room_id, room_nid from user_rooms join rooms using (room_nid) where user_nid = $1 and membership = 2`,
);

const selectMemberships = statement<{ room_id: string; membership: number }>(
  'select_user_rooms_among',
  `select room_id, membership from rooms join user_rooms using (room_nid)
   where room_id = any($2::text[]) and user_nid = $1`,
);

// Per database, because tests open several. Transactions of their own find nothing here and ask, which is right too.
const roomCaches = new WeakMap<ReadTx, BoundedMap<string, KnownRoom>>();

/** The room, if this server has ever been in it. */
export async function findRoom(db: ReadTx, roomId: string): Promise<KnownRoom | undefined> {
  let cache = roomCaches.get(db);
  if (cache === undefined) roomCaches.set(db, (cache = new BoundedMap({ sizeMax: 20_000 })));
  const cached = cache.get(roomId);
  if (cached !== undefined) return cached;
  const [row] = await db.query(selectRoom, [roomId]);
  const version = row === undefined ? undefined : findRoomVersion(row.version);
  if (row === undefined || version === undefined) return undefined;
  const room = { roomNid: row.room_nid, roomId, version };
  cache.set(roomId, room);
  return room;
}

/** What is remembered of the room is read anew: it may have been removed, and be here again under another number. */
export function doubtRoom(db: ReadTx, roomId: string): void {
  roomCaches.get(db)?.delete(roomId);
}

export async function findRoomId(db: ReadTx, roomNid: number): Promise<string | undefined> {
  return (await db.query(selectRoomId, [roomNid]))[0]?.room_id;
}

/** Undefined too for a room that is being removed. */
export async function findHead(db: ReadTx, roomNid: number): Promise<RoomHead | undefined> {
  const [row] = await db.query(selectHead, [roomNid]);
  if (row === undefined) return undefined;
  return {
    roomSeq: row.room_seq,
    pos: row.pos,
    stateRoot: row.state_root,
    lastOrder: row.last_order,
    isPartial: row.is_partial,
  };
}

/** The room's state at a position of the stream; undefined before its first event. */
export async function findStateRootAt(db: ReadTx, roomNid: number, pos: number): Promise<number | undefined> {
  return (await db.query(selectRootAt, [roomNid, pos]))[0]?.state_root;
}

/** The state after the first change that is known: of a room that was made here, after it was made. */
export async function findFirstStateRoot(db: ReadTx, roomNid: number): Promise<number | undefined> {
  return (await db.query(selectFirstRoot, [roomNid]))[0]?.state_root;
}

export async function findMembership(
  db: ReadTx,
  userNid: number,
  roomNid: number,
): Promise<RoomMembership | undefined> {
  const [row] = await db.query(selectMembership, [userNid, roomNid]);
  return row === undefined ? undefined : readMembership(row);
}

/** The room's state now and the user's membership of it, in one question: every reader of a room asks both. */
export async function findHeadForUser(
  db: ReadTx,
  userNid: number,
  roomNid: number,
): Promise<
  (Pick<RoomHead, 'stateRoot' | 'lastOrder' | 'isPartial'> & { readonly own: RoomMembership | undefined }) | undefined
> {
  const [row] = await db.query(selectHeadForUser, [userNid, roomNid]);
  if (row === undefined) return undefined;
  const { state_root: stateRoot, last_order: lastOrder, is_partial } = row;
  return { stateRoot, lastOrder, isPartial: is_partial, own: readMembership(row) };
}

function readMembership(row: MembershipRow): RoomMembership | undefined {
  if (row.membership === null || row.since_pos === null) return undefined;
  return {
    membership: row.membership,
    sincePos: row.since_pos,
    eventNid: row.event_nid ?? undefined,
    forgottenPos: row.forgotten_pos ?? undefined,
  };
}

/** Every change of a local user's membership of the room, oldest first. */
export function findMembershipChanges(db: ReadTx, userNid: number, roomNid: number): Promise<MembershipChange[]> {
  return db.query(selectChanges, [userNid, roomNid]);
}

export async function findJoinedRooms(
  db: ReadTx,
  userNid: number,
): Promise<{ readonly roomId: string; readonly roomNid: number }[]> {
  const rows = await db.query(selectJoined, [userNid]);
  return rows.map((row) => ({ roomId: row.room_id, roomNid: row.room_nid }));
}

/** What the user is to those of the rooms that are here, as a column holds it, by room id. */
export async function findMembershipsAmong(
  db: ReadTx,
  userNid: number,
  roomIds: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  if (roomIds.length === 0) return new Map();
  const rows = await db.query(selectMemberships, [userNid, roomIds]);
  return new Map(rows.map((row) => [row.room_id, row.membership]));
}
