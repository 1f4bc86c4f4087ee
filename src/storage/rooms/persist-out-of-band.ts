/** Owns writing a local user's membership of a room in which this server has nobody. */
import { statement, type ReadTx } from '#storage/database.ts';

export type OutOfBandRow = {
  readonly roomNid: number;
  /** As the event was mentioned with. */
  readonly eventNid: number;
  readonly json: string;
  readonly keyNid: number;
  readonly senderNid: number;
  readonly originServerTs: number;
  readonly depth: number;
  readonly userNid: number;
  /** As `membershipCodes` has it. */
  readonly membership: number;
  /** A JSON array of stripped state; undefined when the user is shown nothing any more. */
  readonly shownState: string | undefined;
};

const persist = statement<{ o_status: number; o_pos: number | null }>(
  'persist_out_of_band',
  'select o_status, o_pos from persist_out_of_band($1, $2, $3, $4, $5, $6, $7, $8, $9::smallint, $10)',
);

export type OutOfBandOutcome =
  | { readonly kind: 'written'; readonly pos: number }
  /** Nothing was written: a user of this server is in the room, the event was here before, or the room is going. */
  | { readonly kind: 'inRoom' | 'known' | 'gone' };

/** One statement, committed when it resolves. */
export async function persistOutOfBandRow(db: ReadTx, row: OutOfBandRow): Promise<OutOfBandOutcome> {
  const [answer] = await db.query(persist, [
    row.roomNid,
    row.eventNid,
    row.json,
    row.keyNid,
    row.senderNid,
    row.originServerTs,
    row.depth,
    row.userNid,
    row.membership,
    row.shownState ?? null,
  ]);
  if (answer?.o_pos !== null && answer?.o_pos !== undefined) return { kind: 'written', pos: answer.o_pos };
  return { kind: answer?.o_status === 1 ? 'inRoom' : answer?.o_status === 2 ? 'known' : 'gone' };
}

const isOutOfBand = statement<unknown>(
  'is_membership_out_of_band',
  `select 1 from user_rooms m join events e on e.event_nid = m.event_nid
   where m.user_nid = $1 and m.room_nid = $2 and e.status = 1`,
);

/** Whether the user's membership is known by its event alone, and not from the state of a room that is here. */
export async function hasOutOfBandMembership(db: ReadTx, userNid: number, roomNid: number): Promise<boolean> {
  return (await db.query(isOutOfBand, [userNid, roomNid])).length > 0;
}
