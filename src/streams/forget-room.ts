/** Owns what of the streams beside events goes with a room. */
import type { RemovableRows } from '#storage/removable-rows.ts';
import { deletedRoomRows } from '#storage/streams/delete-room-rows.ts';

/**
 * What users have stored for the room, their receipts and who is typing. Nobody is told: those who could be have left. The
 * greatest position of a stream may fall by it, which is no harm: tokens are compared with what is found, never the other way.
 */
export const streamRoomRows: readonly RemovableRows[] = deletedRoomRows;
