/** Owns walking the tree of rooms that a space spans. */
import type { Clock } from '#core/clock.ts';
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { findKnownRooms, mayKnowOfRemote, type KnownOutside } from '#rooms/directory/known-rooms.ts';
import { roomSummaryEntry } from '#rooms/directory/outside-view.ts';
import { findStateEventsOfType } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { formatHierarchyToken, parseHierarchyToken } from '#rooms/spaces/hierarchy-token.ts';
import type { RemoteRooms } from '#rooms/spaces/remote-rooms.ts';
import { spaceChildrenOf, type SpaceChild } from '#rooms/spaces/space-children.ts';
import { findSummarisedRooms } from '#storage/rooms/find-published.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';

/** Rooms and spaces that one walk looks at; what lies beyond is not told. */
const ROOMS_MAX = 5_000;
const SPACES_MAX = 200;
export const HIERARCHY_DEPTH_MAX = 50;
/** For how long one request asks other servers of rooms that are not here. */
const REMOTE_MS = 10_000;

export type HierarchyParts = RoomReadParts & { readonly clock: Clock; readonly remoteRooms: RemoteRooms };

export type HierarchyRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly suggestedOnly: boolean;
  readonly maxDepth: number;
  readonly limit: number;
  readonly from: string | undefined;
};

/** A room on its way into the answer: one that is here, or a child of which other servers are asked. */
type Visit =
  | { readonly depth: number; readonly roomId: string; readonly known: KnownOutside }
  | {
      readonly depth: number;
      readonly roomId: string;
      readonly via: readonly string[];
      /** Its summary, where the server of the space had one. */
      readonly summary: JsonObject | undefined;
    };

/** What a visit found: the room's entry, its children, and what was told of them with it. */
type Found = {
  readonly summary: object;
  readonly children: readonly SpaceChild[];
  readonly told: ReadonlyMap<string, JsonObject>;
};

const nothingTold: ReadonlyMap<string, JsonObject> = new Map();

/**
 * A page of the tree, depth first, as the text of the answer: every room once, those that the user may know of alone.
 * The walk begins anew for each page and skips what was told, so that no page is kept anywhere; it asks once per space. Of
 * rooms that are not here other servers are asked, as far as the time goes.
 * Throws M_FORBIDDEN for a space that the user may not know of, and M_INVALID_PARAM for a token of another request.
 * Specification: Client-Server API, `GET /rooms/{roomId}/hierarchy`.
 */
export async function findHierarchy(parts: HierarchyParts, request: HierarchyRequest): Promise<string> {
  const { user, roomId, suggestedOnly, limit } = request;
  const walk = { roomId, suggestedOnly, maxDepth: Math.min(request.maxDepth, HIERARCHY_DEPTH_MAX) };
  const skipped = request.from === undefined ? 0 : parseHierarchyToken(walk, request.from);
  if (skipped === undefined) {
    throw new MatrixError('M_INVALID_PARAM', '"from" is not a token of this space, depth and choice of rooms.');
  }
  const root = (await findKnownRooms(parts, user.userNid, [roomId])).get(roomId);
  if (root === undefined) throw new MatrixError('M_FORBIDDEN', 'There is no such room, or it is not for you to see.');
  const deadlineMs = parts.clock.monotonicMs() + REMOTE_MS;
  const rooms: string[] = [];
  const seen = new Set([roomId]);
  const stack: Visit[] = [{ roomId, known: root, depth: 0 }];
  let spaces = 0;
  for (let told = 0; told < ROOMS_MAX;) {
    const visit = stack.pop();
    if (visit === undefined) return answerOf(rooms, undefined);
    if (rooms.length === limit) return answerOf(rooms, formatHierarchyToken(walk, told));
    const found =
      'known' in visit
        ? await lookInside(parts, visit.known, spaces < SPACES_MAX)
        : await lookElsewhere(parts, user.userNid, visit, deadlineMs);
    if (found === undefined) continue;
    const children = found.children.filter((child) => child.isSuggested || !suggestedOnly);
    if (children.length > 0) spaces++;
    if (told >= skipped) rooms.push(entryOf(found.summary, children));
    told++;
    if (visit.depth >= walk.maxDepth) continue;
    const fresh = children.filter((child) => !seen.has(child.roomId));
    const next = await visitsOf(parts, user.userNid, fresh, found.told, visit.depth + 1);
    // The first child is told next, so it goes onto the stack last.
    for (const each of next.toReversed()) {
      seen.add(each.roomId);
      stack.push(each);
    }
  }
  return answerOf(rooms, undefined);
}

/** The children of a space that is here, in order. */
export async function findSpaceChildren(
  parts: RoomReadParts,
  roomId: string,
  { suggestedOnly, limit = ROOMS_MAX }: { readonly suggestedOnly: boolean; readonly limit?: number },
): Promise<SpaceChild[]> {
  const room = await findRoom(parts.database, roomId);
  const head = room === undefined ? undefined : await findHead(parts.database, room.roomNid);
  if (room === undefined || head === undefined) return [];
  const events = await findStateEventsOfType(parts, room.roomNid, head.stateRoot, 'm.space.child');
  const children = spaceChildrenOf(events, room).filter((child) => child.isSuggested || !suggestedOnly);
  return children.slice(0, limit);
}

async function lookInside(parts: RoomReadParts, { room }: KnownOutside, mayLookAtChildren: boolean): Promise<Found> {
  const isSpace = room.room_type === 'm.space' && mayLookAtChildren;
  const children = isSpace ? await findSpaceChildren(parts, room.room_id, { suggestedOnly: false }) : [];
  return { summary: roomSummaryEntry(room), children, told: nothingTold };
}

/** Undefined where nobody tells of the room, or the user may not know of it. A room that is no space needs no question. */
async function lookElsewhere(
  parts: HierarchyParts,
  userNid: number,
  { roomId, via, summary }: Extract<Visit, { readonly via: readonly string[] }>,
  deadlineMs: number,
): Promise<Found | undefined> {
  const isAsked = summary === undefined || summary['room_type'] === 'm.space';
  const room = isAsked ? await parts.remoteRooms.find(roomId, via, deadlineMs) : undefined;
  const found = room?.summary ?? summary;
  if (found === undefined || !(await mayKnowOfRemote(parts, userNid, found))) return undefined;
  return { summary: found, children: room?.children ?? [], told: room?.known ?? nothingTold };
}

/** In the order of the children. Rooms that are here, and not for the user to know of, are left out. */
async function visitsOf(
  parts: HierarchyParts,
  userNid: number,
  children: readonly SpaceChild[],
  told: ReadonlyMap<string, JsonObject>,
  depth: number,
): Promise<Visit[]> {
  const ids = children.map((child) => child.roomId);
  const known = await findKnownRooms(parts, userNid, ids);
  const unknown = ids.filter((id) => !known.has(id));
  const here = new Set((await findSummarisedRooms(parts.database, unknown)).map((room) => room.room_id));
  return children.flatMap(({ roomId, via }): Visit[] => {
    const own = known.get(roomId);
    if (own !== undefined) return [{ roomId, known: own, depth }];
    return here.has(roomId) ? [] : [{ roomId, via, summary: told.get(roomId), depth }];
  });
}

function entryOf(summary: object, children: readonly SpaceChild[]): string {
  const entry = JSON.stringify(summary);
  return `${entry.slice(0, -1)},"children_state":[${children.map((child) => child.json).join(',')}]}`;
}

function answerOf(rooms: readonly string[], next: string | undefined): string {
  const nextPart = next === undefined ? '' : `,"next_batch":${JSON.stringify(next)}`;
  return `{"rooms":[${rooms.join(',')}]${nextPart}}`;
}
