/** Owns how much is unread for a user, remembered by room and moved on with what the streams tell. */
import { BoundedMap } from '#core/bounded-map.ts';
import { buildDefaultPushRules } from '#notifications/push-rules/default-push-rules.ts';
import type { PushRulesOf } from '#notifications/push-rules/rules-cache.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import {
  findReadPlaces,
  findUnreadEvents,
  findUnreadRows,
  type ReadPlace,
} from '#storage/notifications/find-unread.ts';
import { findEventsByNids } from '#storage/rooms/find-events.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import type { Streams } from '#streams/streams.ts';
import { judgeFact, judgeStored, notifiesOfMessages, type OwnRules } from '#sync/unread/judge-events.ts';
import { countAfter, countByDefault, countJudged, type UnreadCount } from '#sync/unread/unread-count.ts';
import type { IgnoredUsers } from '#users/ignored-users.ts';

type Parts = RoomReadParts & {
  readonly streams: Pick<Streams, 'events' | 'userData'>;
  readonly ignoredUsers: IgnoredUsers;
  readonly pushRulesOf: PushRulesOf;
};

export type UnreadRoom = { readonly roomNid: number; readonly roomId: string };

export type UnreadCounts = {
  /**
   * What the user has not read of each room, up to a position of the event stream; without a query where nothing but events
   * that are in memory came since it was asked before.
   */
  find(user: RoomUser, rooms: readonly UnreadRoom[], upTo: number): Promise<ReadonlyMap<number, UnreadCount>>;
};

type Known = { readonly pos: number; readonly userDataPos: number; readonly count: UnreadCount };

const KNOWN_MAX = 100_000;
/** Of each room the newest are judged one by one for those with rules of their own; older ones count as for everybody. */
const JUDGED_OF_ROOM_MAX = 100;

export function createUnreadCounts(parts: Parts): UnreadCounts {
  const known = new BoundedMap<string, Known>({ sizeMax: KNOWN_MAX, sizeOf: ({ count }) => count.threads.size + 1 });
  return {
    async find(user, rooms, upTo) {
      const own = await findOwnRules(parts, user);
      const userDataPos = parts.streams.userData.horizon;
      const found = new Map<number, UnreadCount>();
      const others: UnreadRoom[] = [];
      for (const room of rooms) {
        const key = `${user.userNid} ${room.roomNid}`;
        const count = await moveOn(parts, user, { own, room, known: known.get(key), upTo });
        if (count === undefined) others.push(room);
        else {
          found.set(room.roomNid, count);
          known.set(key, { pos: upTo, userDataPos, count });
        }
      }
      for (const [roomNid, count] of await readCounts(parts, user, own, others, upTo)) {
        found.set(roomNid, count);
        known.set(`${user.userNid} ${roomNid}`, { pos: upTo, userDataPos, count });
      }
      return found;
    },
  };
}

async function findOwnRules(parts: Parts, user: RoomUser): Promise<OwnRules | undefined> {
  const ignored = await parts.ignoredUsers.find(user.userNid);
  const rules = await parts.pushRulesOf.find(user);
  if (rules === undefined && ignored.size === 0) return undefined;
  return { rules: rules ?? buildDefaultPushRules(user.userId), ignored };
}

type Move = {
  readonly own: OwnRules | undefined;
  readonly room: UnreadRoom;
  readonly known: Known | undefined;
  readonly upTo: number;
};

/** The count as it was, with what came since; undefined if the tables must be asked. */
async function moveOn(
  parts: Parts,
  user: RoomUser,
  { own, room, known, upTo }: Move,
): Promise<UnreadCount | undefined> {
  const { events } = parts.streams;
  if (known === undefined || known.pos > upTo || !events.reachesBackTo(known.pos)) return undefined;
  if (hasChangedData(parts.streams.userData, user.userNid, room.roomNid, known.userDataPos)) return undefined;
  let count: UnreadCount | undefined = known.count;
  for (const fact of events.roomFactsSince(room.roomNid, known.pos)) {
    if (fact.pos > upTo || count === undefined) break;
    const known = own === undefined ? undefined : await findRoom(parts.database, room.roomId);
    const judged = own && known ? await judgeFact(parts, user, own, known, fact) : undefined;
    count = countAfter(count, fact, user.userId, judged);
  }
  return count;
}

/** Whether the user's rules, or how far they have read in the room, may be others. */
function hasChangedData(userData: Streams['userData'], userNid: number, roomNid: number, after: number): boolean {
  if (userData.horizon <= after) return false;
  if (!userData.reachesBackTo(after) || userData.hasSince('accountData', userNid, after)) return true;
  const mayHaveRead =
    userData.hasSince('privateReceipts', userNid, after) || userData.hasSince('receipts', roomNid, after);
  if (!mayHaveRead) return false;
  return (userData.since(after) ?? []).some((change) => change.userNid === userNid && change.roomNid === roomNid);
}

async function readCounts(
  parts: Parts,
  user: RoomUser,
  own: OwnRules | undefined,
  rooms: readonly UnreadRoom[],
  upTo: number,
): Promise<ReadonlyMap<number, UnreadCount>> {
  const { database } = parts;
  const { userNid } = user;
  const places = await findReadPlaces(
    database,
    userNid,
    rooms.map((room) => room.roomNid),
    upTo,
  );
  const rows = Map.groupBy(await findUnreadRows(database, userNid, places), (row) => row.room_nid);
  const rowsOf = (place: ReadPlace) => rows.get(place.roomNid) ?? [];
  if (own === undefined) return new Map(places.map((place) => [place.roomNid, countByDefault(place, rowsOf(place))]));
  const unread = await findUnreadEvents(database, userNid, places, JUDGED_OF_ROOM_MAX);
  const threadOf = new Map(unread.map((row) => [row.event_nid, row.thread ?? undefined]));
  const events = Map.groupBy(await findEventsByNids(database, [...threadOf.keys()]), (event) => event.roomNid);
  const roomIds = new Map(rooms.map((room) => [room.roomNid, room.roomId]));
  const counts = new Map<number, UnreadCount>();
  for (const place of places) {
    const room = await findRoom(database, roomIds.get(place.roomNid) ?? '');
    if (room === undefined) continue;
    const stored = events.get(place.roomNid) ?? [];
    const judged = await Promise.all(
      stored.map((event) =>
        judgeStored(parts, user, own, room, { stored: event, thread: threadOf.get(event.eventNid) }),
      ),
    );
    const count = countJudged(place, rowsOf(place), judged);
    const root = stored[0]?.stateBefore ?? 0;
    const isMore = stored.length >= JUDGED_OF_ROOM_MAX && (await notifiesOfMessages(parts, user, own, room, root));
    const older = isMore ? Math.max(0, place.count - stored.length) : 0;
    const main = { ...count.main, notifications: count.main.notifications + older };
    counts.set(place.roomNid, older === 0 ? count : { ...count, main });
  }
  return counts;
}
