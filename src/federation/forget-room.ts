/** Owns what of the sending to other servers goes with a room. */
import type { ReadTx } from '#storage/database.ts';
import { deleteDestinationsOf, destinationRoomRows } from '#storage/federation/delete-room-rows.ts';
import type { RemovableRows } from '#storage/removable-rows.ts';

export const federationRoomRows: readonly RemovableRows[] = [destinationRoomRows];

/** Removes what is kept of events for other servers. */
export async function forgetEvents(db: ReadTx, eventNids: readonly number[]): Promise<void> {
  await deleteDestinationsOf(db, eventNids);
}
