/** Owns what of the notifications goes with a room. */
import type { RemovableRows } from '#storage/removable-rows.ts';
import { deletedNotifications } from '#storage/notifications/delete-room-rows.ts';

export const notificationRoomRows: readonly RemovableRows[] = [deletedNotifications];
