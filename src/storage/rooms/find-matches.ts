/** Owns looking into the search index. */
import { statement, type ReadTx } from '#storage/database.ts';

/** A place in the results, which are in falling order of all three; `weight` is 0 if the newest are wanted first. */
export type MatchPlace = { readonly weight: number; readonly ts: number; readonly eventNid: number };

export type MatchQuery = {
  /** The question in each room, as tsquery's text, and the order from which on the user sees nothing. */
  readonly rooms: readonly { readonly roomNid: number; readonly query: string; readonly before: number }[];
  readonly kinds: readonly number[];
  readonly orderBy: 'rank' | 'recent';
  readonly after: MatchPlace | undefined;
  readonly limit: number;
};

export type Match = MatchPlace & { readonly roomNid: number; readonly rank: number };
export type Matches = { readonly count: number; readonly matches: readonly Match[] };

/** The newest of each room are looked at. */
const MATCHES_OF_ROOM_MAX = 2_000;

// For each room one look at search_index_lexemes_index, whose keys begin with the room. The rank favours short texts.
const selectMatches = statement<{
  event_nid: number | null;
  room_nid: number;
  ts: number;
  rank: number;
  weight: number;
  total: number;
}>(
  'select_search_matches',
  `with found as materialized (
     select m.event_nid, w.room_nid, m.ts, m.rank::float8 as rank,
       case when $5 then 0::float8 else m.rank::float8 end as weight
     from unnest($1::bigint[], $2::text[], $3::bigint[]) as w(room_nid, query, before)
     cross join lateral (
       select s.event_nid, s.origin_server_ts as ts, ts_rank(s.lexemes, w.query::tsquery, 1) as rank
       from search_index s
       where s.lexemes @@ w.query::tsquery and s.room_nid = w.room_nid and s.room_order < w.before
         and s.kind = any($4::smallint[])
       order by s.origin_server_ts desc limit ${MATCHES_OF_ROOM_MAX}
     ) m
   ), page as (
     select * from found
     where $6::float8 is null or (weight, ts, event_nid) < ($6::float8, $7::bigint, $8::bigint)
     order by weight desc, ts desc, event_nid desc limit $9
   )
   select p.*, t.total from (select count(*) as total from found) t left join page p on true
   order by p.weight desc, p.ts desc, p.event_nid desc`,
);

/** What answers the question, the best or the newest first, and how much there is in all. */
export async function findMatches(db: ReadTx, query: MatchQuery): Promise<Matches> {
  if (query.rooms.length === 0) return { count: 0, matches: [] };
  const rows = await db.query(selectMatches, [
    query.rooms.map((room) => room.roomNid),
    query.rooms.map((room) => room.query),
    query.rooms.map((room) => room.before),
    query.kinds,
    query.orderBy === 'recent',
    query.after?.weight ?? null,
    query.after?.ts ?? null,
    query.after?.eventNid ?? null,
    query.limit,
  ]);
  return {
    count: rows[0]?.total ?? 0,
    // A page without matches is one row, which has the count alone.
    matches: rows.flatMap(({ event_nid: eventNid, room_nid: roomNid, ts, rank, weight }) =>
      eventNid === null ? [] : [{ eventNid, roomNid, ts, rank, weight }],
    ),
  };
}

export type SearchableRoom = {
  readonly room_nid: number;
  readonly room_id: string;
  readonly version: string;
  readonly membership: number;
  /** The order of the event by which the user ceased to be joined; null while they are. */
  readonly left_order: number | null;
};

// As `membershipCodes` has them: 2 is joined. Rooms with encryption are left out, as the specification demands.
const selectRooms = statement<SearchableRoom>(
  'select_searchable_rooms',
  `select m.room_nid, r.room_id, r.version, m.membership, e.room_order as left_order
   from user_rooms m
   join rooms r using (room_nid)
   left join room_summary s using (room_nid)
   left join lateral (
     select l.pos from membership_log l
     where m.membership <> 2 and l.user_nid = m.user_nid and l.room_nid = m.room_nid and l.was = 2 and l.membership <> 2
     order by l.pos desc limit 1
   ) departure on true
   left join events e on e.pos = departure.pos
   where m.user_nid = $1 and m.forgotten_pos is null and s.encryption is null
     and (m.membership = 2 or departure.pos is not null)`,
);

/** The rooms that the user is or was in, without those that are encrypted or forgotten. */
export function findSearchableRooms(db: ReadTx, userNid: number): Promise<SearchableRoom[]> {
  return db.query(selectRooms, [userNid]);
}
