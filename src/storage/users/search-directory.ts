/** Owns searching the directory of users. */
import { statement, type ReadTx } from '#storage/database.ts';

export type DirectoryEntry = {
  readonly user_id: string;
  readonly displayname: string | null;
  readonly avatar_url: string | null;
};

// The words go along the primary key of `directory_terms`, whose order is that of bytes: what begins with a word lies
// between it and itself with the last of all characters. A user is visible by a room that both have joined, or by one
// that everybody may enter or read; the rooms of one candidate go along the primary keys of `user_rooms` and `room_summary`.
const selectUsers = statement<DirectoryEntry>(
  'search_user_directory',
  `with wanted as (select term from unnest($2::text[]) as w(term)),
     candidates as (
       select first.user_nid, bool_or(first.term = $3) as is_exact
       from directory_terms first
       where first.term >= $3 and first.term < $3 || U&'\\+10FFFF' and first.user_nid <> $1
       and not exists (
         select from wanted w where not exists (
           select from directory_terms t
           where t.user_nid = first.user_nid and t.term >= w.term and t.term < w.term || U&'\\+10FFFF'))
       group by first.user_nid limit $6)
   select u.user_id, p.displayname, p.avatar_url
   from candidates c
   join accounts a on a.user_nid = c.user_nid and a.deactivated_at is null
   join users u on u.user_nid = c.user_nid
   left join profiles p on p.user_nid = c.user_nid
   where $4 or exists (
     select from user_rooms theirs
     where theirs.user_nid = c.user_nid and theirs.membership = 2 and (
       exists (
         select from user_rooms own
         where own.user_nid = $1 and own.room_nid = theirs.room_nid and own.membership = 2)
       or exists (
         select from room_summary s
         where s.room_nid = theirs.room_nid
         and (s.join_rule = 'public' or s.history_visibility = 'world_readable'))))
   order by c.is_exact desc, p.displayname is null, u.user_id limit $5`,
);

export type DirectorySearch = {
  /** Who searches, and is not found. */
  readonly userNid: number;
  /** Beginnings of words; a user must have all. At least one. */
  readonly terms: readonly string[];
  /** Whether users are found who share no room with the searcher. */
  readonly isForAll: boolean;
  readonly limit: number;
  /** Users who have the words, of whom it is asked whether they are visible. */
  readonly candidatesMax: number;
};

/** Whoever has a whole word like the longest term comes first, then whoever has a display name. */
export function searchUserDirectory(db: ReadTx, search: DirectorySearch): Promise<DirectoryEntry[]> {
  const { userNid, terms, isForAll, limit, candidatesMax } = search;
  const longest = terms.reduce((one, other) => (other.length > one.length ? other : one), '');
  const others = terms.filter((term) => term !== longest);
  return db.query(selectUsers, [userNid, others, longest, isForAll, limit, candidatesMax]);
}
