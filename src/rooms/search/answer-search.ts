/** Owns answering a search: its results with what stands around them, their groups, and the state of their rooms. */
import { canonicalString } from '#matrix/canonical-json.ts';
import { findWholeState } from '#rooms/find-room-state.ts';
import { requireReaderOfAll, type MembersParts } from '#rooms/partial/require-members.ts';
import { renderPage } from '#rooms/render-page.ts';
import type { RoomRenderParts, RoomUser } from '#rooms/room-parts.ts';
import type { RoomReader } from '#rooms/room-reader.ts';
import { findPastProfiles, findSurroundings } from '#rooms/search/find-surroundings.ts';
import { searchEvents, type SearchPage, type SearchResult } from '#rooms/search/search-events.ts';
import {
  formatSearchToken,
  requireSearchPlace,
  type GroupKey,
  type RoomEventsCriteria,
} from '#rooms/search/search-request.ts';

const LIMIT_DEFAULT = 10;
const LIMIT_MAX = 50;
const CONTEXT_DEFAULT = 5;
const CONTEXT_MAX = 20;

type Searcher = RoomUser & { readonly deviceNid: number };

/** The JSON text of `room_events`. Throws M_INVALID_PARAM for a token of another search. */
export async function answerSearch(
  parts: RoomRenderParts & MembersParts,
  user: Searcher,
  criteria: RoomEventsCriteria,
  token: string | undefined,
): Promise<string> {
  const after = token === undefined ? undefined : requireSearchPlace(user.userId, criteria, token);
  const page = await searchEvents(parts, {
    user,
    question: criteria.search_term,
    keys: criteria.keys ?? ['content.body', 'content.name', 'content.topic'],
    filter: criteria.filter ?? {},
    orderBy: criteria.order_by ?? 'rank',
    after,
    limit: Math.min(criteria.filter?.limit ?? LIMIT_DEFAULT, LIMIT_MAX),
  });
  const next =
    page.next === undefined
      ? undefined
      : formatSearchToken(user.userId, criteria, { ...page.next, group: after?.group });
  const members = [
    `"count":${page.count}`,
    `"highlights":${JSON.stringify(page.highlights)}`,
    `"results":[${(await resultTexts(parts, user, criteria, page.results)).join(',')}]`,
  ];
  const groupKeys = criteria.groupings?.group_by?.map(({ key }) => key) ?? [];
  if (groupKeys.length > 0) members.push(`"groups":${groupsText(user, criteria, page, groupKeys)}`);
  if (criteria.include_state === true) members.push(`"state":${await stateText(parts, user, page.results)}`);
  if (next !== undefined) members.push(`"next_batch":${canonicalString(next)}`);
  return `{${members.join(',')}}`;
}

async function resultTexts(
  parts: RoomRenderParts,
  user: Searcher,
  criteria: RoomEventsCriteria,
  results: readonly SearchResult[],
): Promise<string[]> {
  const texts = new Map<number, string>();
  for (const own of Map.groupBy(results, ({ reader }) => reader.room.roomNid).values()) {
    const [first] = own;
    if (first === undefined) continue;
    const events = own.map(({ event }) => event);
    const rendered = await renderPage(parts, user, first.reader, events);
    for (const [index, { eventNid }] of events.entries()) texts.set(eventNid, rendered[index] ?? '');
  }
  return Promise.all(
    results.map(async (result) => {
      const context = criteria.event_context === undefined ? '' : await contextText(parts, user, criteria, result);
      return `{"rank":${result.match.rank},"result":${texts.get(result.event.eventNid)}${context}}`;
    }),
  );
}

async function contextText(
  parts: RoomRenderParts,
  user: Searcher,
  { event_context: wanted }: RoomEventsCriteria,
  { event, reader }: SearchResult,
): Promise<string> {
  const limits = {
    before: Math.min(wanted?.before_limit ?? CONTEXT_DEFAULT, CONTEXT_MAX),
    after: Math.min(wanted?.after_limit ?? CONTEXT_DEFAULT, CONTEXT_MAX),
  };
  const around = await findSurroundings(parts, user, reader, event, limits);
  const rendered = await renderPage(parts, user, reader, [...around.before, ...around.after]);
  const members = [
    `"start":"${around.start}"`,
    `"end":"${around.end}"`,
    `"events_before":[${rendered.slice(0, around.before.length).join(',')}]`,
    `"events_after":[${rendered.slice(around.before.length).join(',')}]`,
  ];
  if (wanted?.include_profile === true) {
    const senders = [event, ...around.before, ...around.after].map(({ sender }) => sender);
    members.push(`"profile_info":${JSON.stringify(await findPastProfiles(parts, reader, event, senders))}`);
  }
  return `,"context":{${members.join(',')}}`;
}

/** Groups in the order of their best results. */
function groupsText(
  user: Searcher,
  criteria: RoomEventsCriteria,
  { results, next }: SearchPage,
  keys: readonly GroupKey[],
): string {
  const idOf = (key: GroupKey, { event, reader }: SearchResult): string =>
    key === 'room_id' ? reader.room.roomId : event.sender;
  const byKey = keys.map((key) => {
    const groups = Array.from(
      Map.groupBy(results, (result) => idOf(key, result)),
      ([id, own], index) => {
        const last = own.at(-1)?.match;
        const isWhole = next === undefined || last === undefined;
        return [
          id,
          {
            order: index + 1,
            results: own.map(({ event }) => event.eventId),
            ...(!isWhole && { next_batch: formatSearchToken(user.userId, criteria, { ...last, group: { key, id } }) }),
          },
        ] as const;
      },
    );
    return [key, Object.fromEntries(groups)] as const;
  });
  return JSON.stringify(Object.fromEntries(byKey));
}

/** The state of each room among the results, as the user may see it, once all members are known. */
async function stateText(
  parts: RoomRenderParts & MembersParts,
  user: Searcher,
  results: readonly SearchResult[],
): Promise<string> {
  const found = new Map<string, RoomReader>(results.map(({ reader }) => [reader.room.roomId, reader]));
  const readers = await Promise.all(
    Array.from(found, async ([roomId, reader]) =>
      reader.isPartial ? requireReaderOfAll(parts, user, { roomId }) : reader,
    ),
  );
  const rooms: string[] = [];
  for (const reader of readers) {
    const { roomId } = reader.room;
    const state = await findWholeState(parts, reader.room.roomNid, reader.root);
    const rendered = await renderPage(parts, user, reader, state);
    rooms.push(`${canonicalString(roomId)}:[${rendered.join(',')}]`);
  }
  return `{${rooms.join(',')}}`;
}
