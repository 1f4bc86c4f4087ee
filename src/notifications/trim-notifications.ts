/** Owns how many highlights of a user in a room are kept. */
import type { ReadTx } from '#storage/database.ts';
import { trimNotifications, type TrimPlace } from '#storage/notifications/trim-notifications.ts';

/** No more of a room are ever counted, so that what lies beyond changes nothing that anybody sees. */
export const NOTIFICATIONS_OF_ROOM_MAX = 5_000;
/** Together a fraction of a second, even where each has as many as are kept. */
const limits = { placesMax: 50, keptMax: NOTIFICATIONS_OF_ROOM_MAX, removedMax: 1_000 };

const start: TrimPlace = { userNid: -1, roomNid: -1 };

/** Walks over all users and rooms, some in each step; the last step of a round has no more, and the next begins anew. */
export function createNotificationTrimmer(
  database: ReadTx,
): () => Promise<{ readonly rows: number; readonly hasMore: boolean }> {
  let place = start;
  return async () => {
    const { removed, next } = await trimNotifications(database, place, limits);
    place = next ?? start;
    return { rows: removed, hasMore: next !== undefined };
  };
}
