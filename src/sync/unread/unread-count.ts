/** Owns counting what is unread in a room, by thread, from rows or from facts. */
import { sliceMembers } from '#matrix/json-slices.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { relationOf } from '#matrix/relation.ts';
import type { ReadPlace, UnreadRow } from '#storage/notifications/find-unread.ts';
import type { EventFact } from '#streams/event-fact.ts';

export type Count = { readonly notifications: number; readonly highlights: number };

/** Outside threads under `main`; a thread without anything unread is left out. */
export type UnreadCount = { readonly main: Count; readonly threads: ReadonlyMap<string, Count> };

export const noCount: Count = { notifications: 0, highlights: 0 };

/** An event that the user has not read yet, unless its thread is. */
export type UnreadEvent = {
  readonly thread: string | undefined;
  readonly roomOrder: number;
  readonly notifies: boolean;
  readonly highlights: boolean;
};

/** Up to where each thread is read: by its receipt, by an event of the user's own, or with everything. */
export function readOrders(place: ReadPlace, rows: readonly UnreadRow[]): ReadonlyMap<string, number> {
  const orders = new Map<string, number>();
  for (const { kind, thread, room_order: order, is_own: isOwn } of rows) {
    if (thread === null || (kind !== 'receipt' && !isOwn)) continue;
    orders.set(thread, Math.max(orders.get(thread) ?? place.everywhere, order));
  }
  return orders;
}

/** Counts under the rules that everybody has. */
export function countByDefault(place: ReadPlace, rows: readonly UnreadRow[]): UnreadCount {
  const read = readOrders(place, rows);
  const threads = new Map<string, Count>();
  let { count: notifications } = place;
  let highlights = 0;
  for (const { kind, thread, room_order: order, step, is_own: isOwn } of rows) {
    if (kind === 'receipt') continue;
    // The room's counter has the events of threads too, and those of the user's own, such as their tombstone.
    const isCounted = kind === 'thread' || (isOwn && thread === null);
    if (isCounted && order > place.main) notifications -= step;
    if (isOwn) continue;
    const added: Count =
      kind === 'thread' ? { notifications: step, highlights: 0 } : { notifications: 1 - step, highlights: 1 };
    if (thread === null) {
      if (order <= place.main) continue;
      notifications += added.notifications;
      highlights += added.highlights;
    } else if (order > (read.get(thread) ?? place.everywhere)) {
      threads.set(thread, sum(threads.get(thread) ?? noCount, added));
    }
  }
  return { main: { notifications: Math.max(0, notifications), highlights }, threads: withoutEmpty(threads) };
}

/** Counts what was judged one by one. */
export function countJudged(place: ReadPlace, rows: readonly UnreadRow[], events: readonly UnreadEvent[]): UnreadCount {
  const read = readOrders(place, rows);
  const threads = new Map<string, Count>();
  let main = noCount;
  for (const { thread, roomOrder, notifies, highlights } of events) {
    if (!notifies) continue;
    const added: Count = { notifications: 1, highlights: highlights ? 1 : 0 };
    if (thread === undefined) main = roomOrder > place.main ? sum(main, added) : main;
    else if (roomOrder > (read.get(thread) ?? place.everywhere)) {
      threads.set(thread, sum(threads.get(thread) ?? noCount, added));
    }
  }
  return { main, threads: withoutEmpty(threads) };
}

/** The count after one more event; undefined where only the tables tell. */
export function countAfter(
  count: UnreadCount,
  fact: EventFact,
  userId: string,
  judged: { readonly notifies: boolean; readonly highlights: boolean } | undefined,
): UnreadCount | undefined {
  const { notification, threadRootId, sender, stateKey } = fact;
  if (notification === undefined || fact.fork !== undefined || fact.redacts !== undefined) return undefined;
  if (sender === userId) {
    if (stateKey !== undefined) return fact.type === 'm.room.member' ? undefined : count;
    if (mayBeBelowThread(fact)) return undefined;
    if (threadRootId === undefined) return { ...count, main: noCount };
    const threads = new Map(count.threads);
    threads.delete(threadRootId);
    return { ...count, threads };
  }
  const isHighlight = notification.highlighted.includes(userId) || notification.highlighted.includes('');
  const { notifies, highlights } = judged ?? {
    notifies: isHighlight || notification.step > 0,
    highlights: isHighlight,
  };
  if (!notifies) return count;
  if (mayBeBelowThread(fact)) return undefined;
  const added: Count = { notifications: 1, highlights: highlights ? 1 : 0 };
  if (threadRootId === undefined) return { ...count, main: sum(count.main, added) };
  const threads = new Map(count.threads).set(threadRootId, sum(count.threads.get(threadRootId) ?? noCount, added));
  return { ...count, threads };
}

/** Whether the event relates to one that may itself be in a thread, which only the table knows. */
function mayBeBelowThread({ threadRootId, stem }: EventFact): boolean {
  if (threadRootId !== undefined || !stem.includes('"rel_type"')) return false;
  const content: JsonObject = JSON.parse(sliceMembers(`${stem}}`).get('content') ?? '{}');
  return relationOf(content) !== undefined;
}

/** The room and all its threads together. */
export function wholeCount({ main, threads }: UnreadCount): Count {
  return [...threads.values()].reduce(sum, main);
}

function sum(one: Count, other: Count): Count {
  return {
    notifications: one.notifications + other.notifications,
    highlights: one.highlights + other.highlights,
  };
}

function withoutEmpty(threads: ReadonlyMap<string, Count>): ReadonlyMap<string, Count> {
  return new Map([...threads].filter(([, { notifications, highlights }]) => notifications + highlights > 0));
}
