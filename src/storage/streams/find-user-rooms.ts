/** Owns reading what a user is or was to rooms, for sync. */
import { statement, type ReadTx } from '#storage/database.ts';

export type UserRoomRow = {
  readonly room_nid: number;
  readonly room_id: string;
  /** As `membershipCodes` has it. */
  readonly membership: number;
  readonly since_pos: number;
  readonly event_nid: number | null;
  readonly forgotten: boolean;
  /** Whether members are missing from the room's state, or were when the user left. */
  readonly is_partial: boolean;
  /** Position, on the stream of user data, at which they had come while the user was there; 0 where none were missing. */
  readonly completed_pos: number;
};

// As `membershipCodes` has them.
const [gone, banned] = [3, 4];

// Two look-ups for each room in tables that are nearly empty, and one for each that the user has left.
const userRooms = statement<UserRoomRow>(
  'find_user_rooms',
  `select m.room_nid, r.room_id, m.membership, m.since_pos, m.event_nid, m.forgotten_pos is not null as forgotten,
     p.room_nid is not null or (m.membership in (${gone}, ${banned}) and coalesce(
       (select e.state_partial from events e where e.event_nid = m.event_nid), false)) as is_partial,
     coalesce(c.pos, 0) as completed_pos
   from user_rooms m join rooms r on r.room_nid = m.room_nid
   left join partial_rooms p on p.room_nid = m.room_nid
   left join completed_rooms c on c.user_nid = m.user_nid and c.room_nid = m.room_nid
   where m.user_nid = $1`,
);

/** Every room with which the user has or had to do. */
export function findUserRooms(db: ReadTx, userNid: number): Promise<UserRoomRow[]> {
  return db.query(userRooms, [userNid]);
}

export type PartialityRow = Pick<UserRoomRow, 'room_nid' | 'is_partial' | 'completed_pos'>;

const partiality = statement<PartialityRow>(
  'find_partiality_of_rooms',
  `select r.room_nid, p.room_nid is not null as is_partial, coalesce(c.pos, 0) as completed_pos
   from unnest($2::bigint[]) as r(room_nid)
   left join partial_rooms p on p.room_nid = r.room_nid
   left join completed_rooms c on c.user_nid = $1 and c.room_nid = r.room_nid`,
);

/** The same of rooms that the user has just come into: what events do not tell. */
export async function findPartiality(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, PartialityRow>> {
  const rows = roomNids.length === 0 ? [] : await db.query(partiality, [userNid, roomNids]);
  return new Map(rows.map((row) => [row.room_nid, row]));
}

export type MembershipRow = {
  readonly room_nid: number;
  readonly pos: number;
  readonly membership: number;
  readonly was: number;
  readonly event_nid: number | null;
};

const membershipLog = statement<MembershipRow>(
  'find_membership_log',
  `select room_nid, pos, membership, was, event_nid from membership_log
   where user_nid = $1 and pos > $2 and pos <= $3 order by pos`,
);

/** How the user's memberships changed within positions (after, upTo], in order. */
export function findMembershipLog(db: ReadTx, userNid: number, after: number, upTo: number): Promise<MembershipRow[]> {
  return db.query(membershipLog, [userNid, after, upTo]);
}

const strippedSnapshots = statement<{ room_nid: number; state: string }>(
  'find_stripped_snapshots',
  'select room_nid, state from stripped_snapshots where user_nid = $1 and room_nid = any($2::bigint[])',
);

/** By room: the JSON array of stripped state that an invitation or a knock came with. */
export async function findStrippedSnapshots(
  db: ReadTx,
  userNid: number,
  roomNids: readonly number[],
): Promise<ReadonlyMap<number, string>> {
  const rows = roomNids.length === 0 ? [] : await db.query(strippedSnapshots, [userNid, roomNids]);
  return new Map(rows.map((row) => [row.room_nid, row.state]));
}

const filterDefinition = statement<{ definition: string }>(
  'find_filter_definition',
  'select definition from filters where user_nid = $1 and filter_id = $2',
);

/** The JSON text of a filter that the user has stored. */
export async function findFilterDefinition(db: ReadTx, userNid: number, filterId: number): Promise<string | undefined> {
  return (await db.query(filterDefinition, [userNid, filterId]))[0]?.definition;
}
