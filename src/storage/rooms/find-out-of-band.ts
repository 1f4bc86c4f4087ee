/** Owns reading what a local user is to a room that this server knows by that alone. */
import { statement, type ReadTx } from '#storage/database.ts';

/** `membership` as `membershipCodes` has it, with the event that says so. */
export type OutOfBandMembership = {
  readonly membership: number;
  readonly eventId: string;
  readonly sender: string;
};

const selectMembership = statement<OutOfBandMembership>(
  'select_out_of_band_membership',
  `select m.membership, e.event_id as "eventId", s.user_id as sender
   from users u
   join rooms r on r.room_id = $2
   join user_rooms m on m.user_nid = u.user_nid and m.room_nid = r.room_nid
   join events e on e.event_nid = m.event_nid and e.status = 1
   join users s on s.user_nid = e.sender_nid
   where u.user_id = $1`,
);

/** Undefined unless the membership came by its event alone. */
export async function findOutOfBandMembership(
  db: ReadTx,
  userId: string,
  roomId: string,
): Promise<OutOfBandMembership | undefined> {
  return (await db.query(selectMembership, [userId, roomId]))[0];
}
