/** Owns what of the sending to other servers goes with a room. */
import { destinationRoomRows } from '#storage/federation/delete-room-rows.ts';
import type { RemovableRows } from '#storage/removable-rows.ts';

export const federationRoomRows: readonly RemovableRows[] = [destinationRoomRows];
