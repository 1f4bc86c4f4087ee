/** Owns reading the events of which a user may have been notified. */
import { statement, type ReadTx } from '#storage/database.ts';
import { threadOfEvent } from '#storage/notifications/find-unread.ts';

export type CandidateRow = {
  readonly event_nid: number;
  readonly pos: number;
  readonly room_nid: number;
  readonly room_id: string;
  /** The root's event id; null outside threads. */
  readonly thread: string | null;
};

// Of each joined room the newest events of others since the user joined, by events_room_order_key; then the newest of all.
const selectCandidates = statement<CandidateRow>(
  'select_notification_candidates',
  `select c.event_nid, c.pos, r.room_nid, r.room_id, c.thread
   from (
     select distinct on (l.room_nid) l.room_nid, l.pos
     from user_rooms m join membership_log l using (user_nid, room_nid)
     where m.user_nid = $1 and m.membership = 2 and l.was <> 2 and l.membership = 2
     order by l.room_nid, l.pos desc
   ) joined
   join rooms r using (room_nid)
   cross join lateral (
     select e.event_nid, e.pos, ${threadOfEvent} as thread from events e
     where e.room_nid = joined.room_nid and e.pos + 0 > joined.pos and e.pos + 0 < $2 and e.room_order is not null
       and e.status = 2 and e.sender_nid <> $1 and e.type <> 'm.room.member'
     order by e.room_order desc limit $3
   ) c
   order by c.pos desc limit $3`,
);

/** The newest events before a position that others sent to the rooms that the user is in, newest first. */
export function findCandidates(db: ReadTx, userNid: number, before: number, limit: number): Promise<CandidateRow[]> {
  return db.query(selectCandidates, [userNid, before, limit]);
}
