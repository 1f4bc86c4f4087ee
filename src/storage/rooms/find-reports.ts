/** Owns reading what users have reported as inappropriate. */
import { statement, type ReadTx } from '#storage/database.ts';

export type StoredReport = {
  readonly report_nid: number;
  /** When, in UTC: `2026-07-08T09:10:11Z`. */
  readonly reported_at: string;
  readonly reporter: string;
  readonly room_id: string | null;
  readonly event_id: string | null;
  /** Who sent the event, or the user who was reported. */
  readonly user_id: string | null;
  readonly reason: string;
};

const selectNewest = statement<StoredReport>(
  'select_newest_reports',
  `select p.report_nid,
     to_char(to_timestamp(p.created_at / 1000) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as reported_at, by.user_id as reporter, r.room_id, e.event_id, about.user_id, p.reason
   from (select * from reports order by report_nid desc limit $1) p
   join users by on by.user_nid = p.reporter_nid
   left join rooms r on r.room_nid = p.room_nid
   left join events e on e.event_nid = p.event_nid
   left join users about on about.user_nid = coalesce(p.user_nid, e.sender_nid)
   order by p.report_nid desc`,
);

/** The newest first. */
export function findNewestReports(db: ReadTx, limit: number): Promise<StoredReport[]> {
  return db.query(selectNewest, [limit]);
}
