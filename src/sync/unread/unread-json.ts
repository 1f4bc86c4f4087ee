/** Owns the form of unread counts in a sync. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { wholeCount, type Count, type UnreadCount } from '#sync/unread/unread-count.ts';

/**
 * The members of a room's JSON object, each with a comma before it. With threads apart, the room's own count is without
 * them. Specification: Client-Server API, "Receiving notifications".
 */
export function unreadJson(count: UnreadCount, withThreads: boolean): string {
  const room = `,"unread_notifications":${countJson(withThreads ? count.main : wholeCount(count))}`;
  if (!withThreads || count.threads.size === 0) return room;
  const threads = Array.from(count.threads, ([rootId, each]) => `${canonicalString(rootId)}:${countJson(each)}`);
  return `${room},"unread_thread_notifications":{${threads.join(',')}}`;
}

function countJson({ notifications, highlights }: Count): string {
  return `{"highlight_count":${highlights},"notification_count":${notifications}}`;
}
