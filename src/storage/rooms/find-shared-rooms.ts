/** Owns reading the room that one user made for another. */
import { statement, type ReadTx } from '#storage/database.ts';

// As `membershipCodes` has them: 2 is joined. A look at the host's row for each room that the guest has ever been in.
const selectShared = statement<{ room_id: string; membership: number }>(
  'select_room_of_host_and_guest',
  `select r.room_id, guest.membership
   from user_rooms guest
   join user_rooms host on host.user_nid = $1 and host.room_nid = guest.room_nid and host.membership = 2
   join rooms r on r.room_nid = guest.room_nid
   where guest.user_nid = $2 order by guest.since_pos desc limit 1`,
);

/** The newest room that the host is in and the guest is or was in, with what the guest is to it now. */
export async function findRoomTheyShare(
  db: ReadTx,
  hostNid: number,
  guestNid: number,
): Promise<{ readonly roomId: string; readonly membership: number } | undefined> {
  const [row] = await db.query(selectShared, [hostNid, guestNid]);
  return row && { roomId: row.room_id, membership: row.membership };
}
