/** Owns folding what a joined room has beside its events: receipts, typing and unread counts. */
import { asArray, asObject, isObject, text, type JsonObject } from '#test/support/matrix-shapes.ts';
import type { RoomView, UnreadCounts } from '#test/sync-oracle/client-view.ts';

export function foldEphemeral(room: RoomView, section: unknown): void {
  const events = asArray(asObject(section ?? {}, 'ephemeral')['events'] ?? [], 'ephemeral.events');
  for (const value of events) {
    const event = asObject(value, 'an ephemeral event');
    const content = asObject(event['content'], 'content of an ephemeral event');
    const type = text(event, 'type');
    if (type === 'm.receipt') foldReceipts(room, content);
    if (type === 'm.typing') room.typing = asArray(content['user_ids'], 'user_ids').map(String).toSorted();
  }
}

/** Event id → receipt type → user → `{ts, thread_id}`; a receipt takes the place of the user's former one of its kind. */
function foldReceipts(room: RoomView, content: JsonObject): void {
  for (const [eventId, types] of Object.entries(content)) {
    for (const [type, users] of Object.entries(asObject(types, eventId))) {
      for (const [userId, value] of Object.entries(asObject(users, type))) {
        const receipt = asObject(value, 'a receipt');
        const thread = typeof receipt['thread_id'] === 'string' ? receipt['thread_id'] : 'unthreaded';
        room.receipts.set(`${type} ${thread} ${userId}`, { eventId, ts: receipt['ts'] });
      }
    }
  }
}

/**
 * Counts that are not there have not changed, but threads that are not there have none: "If no threads have notification
 * counts, this whole object can be omitted."
 */
export function readUnread(room: RoomView, section: JsonObject): void {
  if (section['unread_notifications'] !== undefined) room.unread = readCounts(section['unread_notifications']);
  const threads = asObject(section['unread_thread_notifications'] ?? {}, 'unread_thread_notifications');
  room.unreadThreads = new Map(
    Object.entries(threads)
      .map(([root, counts]): [string, UnreadCounts] => [root, readCounts(counts)])
      .filter(([, counts]) => counts.notifications + counts.highlights > 0),
  );
}

function readCounts(value: unknown): UnreadCounts {
  const counts = isObject(value) ? value : {};
  return {
    notifications: Number(counts['notification_count'] ?? 0),
    highlights: Number(counts['highlight_count'] ?? 0),
  };
}
