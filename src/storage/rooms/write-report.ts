/** Owns writing what users have reported as inappropriate. */
import { statement, type Tx } from '#storage/database.ts';

/** `roomNid` alone: a room; with `eventNid` an event of it; `userNid`: a user. */
export type NewReport = {
  readonly createdAt: number;
  readonly reporterNid: number;
  readonly roomNid?: number;
  readonly eventNid?: number;
  readonly userNid?: number;
  readonly reason: string;
};

const insert = statement<unknown>(
  'insert_report',
  `insert into reports (created_at, reporter_nid, room_nid, event_nid, user_nid, reason) values ($1, $2, $3, $4, $5, $6)`,
);

export async function writeReport(tx: Tx, report: NewReport): Promise<void> {
  const { createdAt, reporterNid, roomNid = null, eventNid = null, userNid = null, reason } = report;
  await tx.query(insert, [createdAt, reporterNid, roomNid, eventNid, userNid, reason]);
}
