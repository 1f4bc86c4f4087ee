/** Owns reading the event by which a user of this server became what they are to a room. */
import { statement, type ReadTx } from '#storage/database.ts';

export type OwnMembership = {
  /** As `membershipCodes` has it. */
  readonly membership: number;
  readonly eventId: string;
  readonly sender: string;
  /** The event as it is stored. */
  readonly json: string;
};

const selectOwn = statement<{ membership: number; event_id: string; sender: string; json: string }>(
  'select_own_member_event',
  `select m.membership, e.event_id, u.user_id as sender, j.json
   from user_rooms m join events e on e.event_nid = m.event_nid join users u on u.user_nid = e.sender_nid
     join event_json j on j.event_nid = e.event_nid
   where m.user_nid = $1 and m.room_nid = $2`,
);

/** Undefined for who never had to do with the room, and where a state resolution took the membership away. */
export async function findOwnMembership(
  db: ReadTx,
  userNid: number,
  roomNid: number,
): Promise<OwnMembership | undefined> {
  const [row] = await db.query(selectOwn, [userNid, roomNid]);
  return row && { membership: row.membership, eventId: row.event_id, sender: row.sender, json: row.json };
}
