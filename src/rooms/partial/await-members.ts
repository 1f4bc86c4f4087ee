/** Owns waiting with events of ours that are about users of whom it is not known yet whether they are in the room. */
import type { PartialRooms } from '#rooms/partial/partial-rooms.ts';
import type { PersistEvents } from '#rooms/persist-request.ts';
import { UnknownMembersError } from '#rooms/persist/unknown-members.ts';

/** Such a request is built anew when the room is complete. Throws M_UNKNOWN with status 504 when that takes too long. */
export function awaitingMembers(
  persistEvents: PersistEvents,
  partialRooms: Pick<PartialRooms, 'whenComplete'>,
): PersistEvents {
  return async (request) => {
    try {
      return await persistEvents(request);
    } catch (error) {
      if (!(error instanceof UnknownMembersError)) throw error;
      await partialRooms.whenComplete(error.roomNid);
      return persistEvents(request);
    }
  };
}
