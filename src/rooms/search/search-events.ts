/** Owns searching the rooms of a user in full text. */
import { compileEventFilter, type RoomEventFilter } from '#rooms/event-filter.ts';
import { findMembershipOf } from '#rooms/event-membership.ts';
import { selectVisible } from '#rooms/event-visibility.ts';
import { isErasedFor } from '#rooms/render-events.ts';
import { findRoomReader, type RoomReader } from '#rooms/room-reader.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { searchTermsOf, tsQueryOf } from '#rooms/search/lexemes.ts';
import { searchKinds, type SearchKey } from '#rooms/search/searchable.ts';
import type { SearchPlace } from '#rooms/search/search-request.ts';
import { findEventsByNids, type StoredEvent } from '#storage/rooms/find-events.ts';
import {
  findMatches,
  findSearchableRooms,
  type Match,
  type MatchPlace,
  type SearchableRoom,
} from '#storage/rooms/find-matches.ts';
import type { ErasedUsers } from '#users/erased-users.ts';
import { isUnheard, type IgnoredUsers } from '#users/ignored-users.ts';

export type SearchQuery = {
  readonly user: RoomUser;
  readonly question: string;
  readonly keys: readonly SearchKey[];
  readonly filter: RoomEventFilter;
  readonly orderBy: 'rank' | 'recent';
  readonly after: SearchPlace | undefined;
  readonly limit: number;
};

export type SearchResult = { readonly match: Match; readonly event: StoredEvent; readonly reader: RoomReader };

export type SearchPage = {
  readonly results: readonly SearchResult[];
  /** About how many there are in all. */
  readonly count: number;
  readonly highlights: readonly string[];
  /** Where the next page begins; undefined for a page without results. */
  readonly next: MatchPlace | undefined;
};

/** Matches that one request looks at when most are not for the user or are filtered away. */
const SCANNED_MAX = 1_000;
const BATCH_MIN = 50;

/** What reading matches takes: what erased users sent is not found by newcomers, who are told it redacted. */
type SearchParts = RoomReadParts & {
  readonly erasedUsers: Pick<ErasedUsers, 'erasedPosOf'>;
  readonly ignoredUsers: IgnoredUsers;
};

/**
 * What the user may see of what was found. What they may not see, as far as it was looked at, is not counted either: the
 * number alone would tell which words are in it. Specification: Client-Server API, "Server Side Search".
 */
export async function searchEvents(parts: SearchParts, query: SearchQuery): Promise<SearchPage> {
  const { user, filter } = query;
  const terms = searchTermsOf(query.question);
  const highlights = [...new Set(terms.map(({ text }) => text))];
  if (terms.length === 0) return { results: [], count: 0, highlights, next: undefined };
  const rooms = (await findSearchableRooms(parts.database, user.userNid)).filter((room) => isWanted(room, query));
  const ignored = await parts.ignoredUsers.find(user.userNid);
  const roomIds = new Map(rooms.map((room) => [room.room_nid, room.room_id]));
  const readers = new Map<number, RoomReader | undefined>();
  const results: SearchResult[] = [];
  const batch = Math.max(query.limit + 1, BATCH_MIN);
  let after: MatchPlace | undefined = query.after;
  let count = 0;
  let unseen = 0;
  for (let scanned = 0; scanned < SCANNED_MAX; scanned += batch) {
    const found = await findMatches(parts.database, {
      rooms: rooms.map((room) => ({
        roomNid: room.room_nid,
        query: tsQueryOf(terms, room.room_nid),
        before: room.left_order === null ? Number.MAX_SAFE_INTEGER : room.left_order + 1,
      })),
      kinds: query.keys.map((key) => searchKinds[key]),
      orderBy: query.orderBy,
      after,
      limit: batch,
    });
    const seen = await readMatches(parts, user, found.matches, { roomIds, readers });
    unseen += found.matches.length - seen.length;
    count = Math.max(0, found.count - unseen);
    for (const result of seen) {
      const { event } = result;
      if (isUnheard(event, ignored)) continue;
      if (!isOfGroup(query, event) || compileEventFilter(filter, result.reader.room.roomId)?.(event) === false)
        continue;
      if (results.length >= query.limit) return { results, count, highlights, next: results.at(-1)?.match };
      results.push(result);
    }
    const last = found.matches.at(-1);
    // Clients expect a token with every result, and learn from an empty page that there is nothing more.
    if (last === undefined || found.matches.length < batch) {
      return { results, count, highlights, next: results.at(-1)?.match };
    }
    after = last;
  }
  // Enough was looked at for one request; what is behind is looked at by the next.
  return { results, count, highlights, next: after };
}

function isWanted(room: SearchableRoom, { filter, after }: SearchQuery): boolean {
  const { room_id: roomId } = room;
  if (after?.group?.key === 'room_id' && after.group.id !== roomId) return false;
  return filter.rooms?.includes(roomId) !== false && filter.not_rooms?.includes(roomId) !== true;
}

function isOfGroup({ after }: SearchQuery, event: StoredEvent): boolean {
  return after?.group?.key !== 'sender' || after.group.id === event.sender;
}

/** The events of the matches that the user may see and that were not redacted meanwhile, in the order of the matches. */
async function readMatches(
  parts: SearchParts,
  user: RoomUser,
  matches: readonly Match[],
  {
    roomIds,
    readers,
  }: { readonly roomIds: ReadonlyMap<number, string>; readonly readers: Map<number, RoomReader | undefined> },
): Promise<SearchResult[]> {
  const events = await findEventsByNids(
    parts.database,
    matches.map((match) => match.eventNid),
  );
  const visible = new Map<number, { readonly event: StoredEvent; readonly reader: RoomReader }>();
  const unredacted = events.filter((event) => event.redaction === undefined);
  for (const [roomNid, own] of Map.groupBy(unredacted, (event) => event.roomNid)) {
    if (!readers.has(roomNid)) readers.set(roomNid, await findRoomReader(parts, user, roomIds.get(roomNid) ?? ''));
    const reader = readers.get(roomNid);
    if (reader === undefined) continue;
    const seen = await selectVisible(parts, user, reader, own);
    for (const event of await dropErased(parts, user, reader, seen)) visible.set(event.eventNid, { event, reader });
  }
  return matches.flatMap((match) => {
    const found = visible.get(match.eventNid);
    return found === undefined ? [] : [{ match, ...found }];
  });
}

/** Nothing is asked unless a sender was erased. */
async function dropErased(
  parts: SearchParts,
  user: RoomUser,
  reader: RoomReader,
  events: readonly StoredEvent[],
): Promise<readonly StoredEvent[]> {
  const { erasedPosOf } = parts.erasedUsers;
  if (events.every(({ sender }) => erasedPosOf(sender) === undefined)) return events;
  const membershipOf = await findMembershipOf(parts, user, reader, events);
  return events.filter((event) => !isErasedFor(event, { erasedPosOf, membershipOf }));
}
