/** Owns reading the directory of this server: which rooms it lists, and what they look like from outside. */
import { statement, type ReadTx } from '#storage/database.ts';

/** A room from outside, by `room_summary`. */
export type SummarisedRoom = {
  readonly room_nid: number;
  readonly room_id: string;
  readonly version: string;
  readonly name: string | null;
  readonly avatar_url: string | null;
  readonly topic: string | null;
  readonly canonical_alias: string | null;
  readonly room_type: string | null;
  readonly encryption: string | null;
  readonly join_rule: string | null;
  readonly history_visibility: string | null;
  readonly guest_access: string | null;
  /** A JSON array of the rooms whose members may join. */
  readonly allowed_room_ids: string | null;
  readonly joined_count: number;
};

/** A place in the directory, whose order is: most members first, then the newest rooms. */
export type DirectoryPlace = { readonly joinedCount: number; readonly roomNid: number };

export type DirectoryRange = {
  /** `next`: the rooms after the place, in order; `previous`: those before it, the nearest first. */
  readonly direction: 'next' | 'previous';
  readonly from: DirectoryPlace | undefined;
  /** Types of rooms; null stands for rooms that have none. Undefined: any. */
  readonly roomTypes: readonly (string | null)[] | undefined;
  readonly limit: number;
};

const columns = `s.room_nid, r.room_id, r.version, s.name, s.avatar_url, s.topic, s.canonical_alias, s.room_type, s.encryption,
  s.join_rule, s.history_visibility, s.guest_access, s.allowed_room_ids, s.joined_count`;
const listed = `from published_rooms p join room_summary s using (room_nid) join rooms r using (room_nid)
  where ($1::text[] is null or s.room_type = any($1) or (s.room_type is null and $2))`;

// Every listed room is read and the best are kept: a directory has thousands of rooms, and an index on the count of
// members would be written at every join to any room.
const selectNext = statement<SummarisedRoom>(
  'select_directory_next',
  `select ${columns} ${listed} and ($3::bigint is null or (s.joined_count, s.room_nid) < ($3, $4))
   order by s.joined_count desc, s.room_nid desc limit $5`,
);
const selectPrevious = statement<SummarisedRoom>(
  'select_directory_previous',
  `select ${columns} ${listed} and ($3::bigint is null or (s.joined_count, s.room_nid) > ($3, $4))
   order by s.joined_count, s.room_nid limit $5`,
);
const countListed = statement<{ count: number }>('count_directory', `select count(*) as count ${listed}`);
const selectIsListed = statement<{ is_listed: boolean }>(
  'select_is_published',
  `select exists (select from published_rooms where room_nid = $1) as is_listed`,
);
const selectSummaries = statement<SummarisedRoom>(
  'select_room_summaries_outside',
  `select ${columns} from room_summary s join rooms r using (room_nid) where r.room_id = any($1::text[])`,
);

const selectReplacement = statement<{ tombstone: string | null }>(
  'select_replacement_of_room',
  `select tombstone from room_summary where room_nid = $1`,
);

function typeColumns(roomTypes: DirectoryRange['roomTypes']): [string[] | null, boolean] {
  if (roomTypes === undefined) return [null, false];
  return [roomTypes.filter((type) => type !== null), roomTypes.includes(null)];
}

export function findListedRooms(db: ReadTx, range: DirectoryRange): Promise<SummarisedRoom[]> {
  const values = [
    ...typeColumns(range.roomTypes),
    range.from?.joinedCount ?? null,
    range.from?.roomNid ?? null,
    range.limit,
  ];
  return db.query(range.direction === 'next' ? selectNext : selectPrevious, values);
}

export async function countListedRooms(db: ReadTx, roomTypes: DirectoryRange['roomTypes']): Promise<number> {
  return (await db.query(countListed, typeColumns(roomTypes)))[0]?.count ?? 0;
}

export async function findIsListed(db: ReadTx, roomNid: number): Promise<boolean> {
  return (await db.query(selectIsListed, [roomNid]))[0]?.is_listed ?? false;
}

/** What those of the rooms that are here look like from outside, in no particular order. */
export function findSummarisedRooms(db: ReadTx, roomIds: readonly string[]): Promise<SummarisedRoom[]> {
  return roomIds.length === 0 ? Promise.resolve([]) : db.query(selectSummaries, [roomIds]);
}

/** The room that the room's tombstone names. */
export async function findReplacementId(db: ReadTx, roomNid: number): Promise<string | undefined> {
  return (await db.query(selectReplacement, [roomNid]))[0]?.tombstone ?? undefined;
}
