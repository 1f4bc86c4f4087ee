/** Owns listing the events of which a user has been, or would have been, notified. */
import { MatrixError } from '#matrix/error.ts';
import { evaluatePushRules } from '#matrix/push-rules/evaluate.ts';
import type { PushAction } from '#matrix/push-rules/push-rule.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';
import type { PushRulesOf } from '#notifications/push-rules/rules-cache.ts';
import { findPushContext } from '#rooms/find-push-context.ts';
import { contentOf } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findCandidates, type CandidateRow } from '#storage/notifications/find-candidates.ts';
import { findReadPlaces, findUnreadRows } from '#storage/notifications/find-unread.ts';
import { findEventsByNids, type StoredEvent } from '#storage/rooms/find-events.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { readOrders } from '#sync/unread/unread-count.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

type Parts = RoomReadParts & { readonly ignoredUsers: IgnoredUsers; readonly pushRulesOf: PushRulesOf };

export type Notification = {
  readonly room: KnownRoom;
  readonly event: StoredEvent;
  readonly actions: readonly PushAction[];
  readonly isRead: boolean;
};
/** The thread by the id of its root. */
type Found = Omit<Notification, 'isRead'> & { readonly pos: number; readonly thread: string | undefined };

export type NotificationsPage = { readonly notifications: readonly Notification[]; readonly next: string | undefined };

const BATCH = 200;
/** Events that one request looks at when few of them notify; the next page goes on from there. */
const SCANNED_MAX = 2_000;

/** Newest first, as the user's rules are now. Throws M_INVALID_PARAM for a token that is none. */
export async function findNotifications(
  parts: Parts,
  user: RoomUser,
  request: { readonly from: string | undefined; readonly limit: number; readonly onlyHighlights: boolean },
): Promise<NotificationsPage> {
  let before = request.from === undefined ? Number.MAX_SAFE_INTEGER : requirePosition(request.from);
  const rules = (await parts.pushRulesOf.find(user)) ?? buildDefaultPushRules(user.userId);
  const ignored = await parts.ignoredUsers.find(user.userNid);
  const found: Found[] = [];
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += BATCH) {
    const candidates = await findCandidates(parts.database, user.userNid, before, BATCH);
    for (const { event, room, pos, thread } of await readCandidates(parts, candidates)) {
      if (ignored.has(event.sender) || event.redaction !== undefined || event.stateBefore === undefined) continue;
      const contextFor = await findPushContext(parts, user, room, event.stateBefore);
      const { type, sender, stateKey } = event;
      const pushed = { type, sender, stateKey, roomId: room.roomId, content: contentOf(event, room.version) };
      const { notify, highlight, actions } = evaluatePushRules(rules, pushed, contextFor(sender));
      if (!notify || (request.onlyHighlights && !highlight)) continue;
      if (found.length >= request.limit)
        return { notifications: await withRead(parts, user, found), next: nextOf(found) };
      found.push({ room, event, actions, pos, thread });
    }
    const last = candidates.at(-1);
    if (last === undefined || candidates.length < BATCH) {
      return { notifications: await withRead(parts, user, found), next: undefined };
    }
    before = last.pos;
  }
  return { notifications: await withRead(parts, user, found), next: String(before) };
}

const nextOf = (found: readonly { readonly pos: number }[]): string | undefined => found.at(-1)?.pos.toString();

function requirePosition(token: string): number {
  if (/^\d{1,15}$/.test(token)) return Number(token);
  throw new MatrixError('M_INVALID_PARAM', 'This is not a token that this server gave for a page of notifications.');
}

async function readCandidates(
  { database }: Parts,
  candidates: readonly CandidateRow[],
): Promise<readonly Pick<Found, 'event' | 'room' | 'pos' | 'thread'>[]> {
  const nids = candidates.map((candidate) => candidate.event_nid);
  const events = new Map((await findEventsByNids(database, nids)).map((event) => [event.eventNid, event]));
  const read = await Promise.all(
    candidates.map(async ({ event_nid: nid, room_id: roomId, pos, thread }) => {
      const [event, room] = [events.get(nid), await findRoom(database, roomId)];
      return event === undefined || room === undefined ? [] : [{ event, room, pos, thread: thread ?? undefined }];
    }),
  );
  return read.flat();
}

async function withRead(
  { database }: Parts,
  user: RoomUser,
  found: readonly Found[],
): Promise<readonly Notification[]> {
  const roomNids = [...new Set(found.map(({ room }) => room.roomNid))];
  const places = await findReadPlaces(database, user.userNid, roomNids, Number.MAX_SAFE_INTEGER);
  const rows = Map.groupBy(await findUnreadRows(database, user.userNid, places), (row) => row.room_nid);
  const placeOf = new Map(places.map((place) => [place.roomNid, place]));
  return found.map(({ room, event, actions, thread }) => {
    const place = placeOf.get(room.roomNid);
    const readTo =
      place === undefined
        ? 0
        : thread !== undefined
          ? (readOrders(place, rows.get(room.roomNid) ?? []).get(thread) ?? place.everywhere)
          : place.main;
    return { room, event, actions, isRead: event.roomOrder <= readTo };
  });
}
