/** Owns walking the tree of rooms that a space spans. */
import { MatrixError } from '#matrix/error.ts';
import { findKnownRooms, type KnownOutside } from '#rooms/directory/known-rooms.ts';
import { roomSummaryEntry } from '#rooms/directory/outside-view.ts';
import { findStateEventsOfType } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { formatHierarchyToken, parseHierarchyToken } from '#rooms/spaces/hierarchy-token.ts';
import { spaceChildrenOf, type SpaceChild } from '#rooms/spaces/space-children.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';

/** Rooms and spaces that one walk looks at; what lies beyond is not told. */
const ROOMS_MAX = 5_000;
const SPACES_MAX = 200;
export const HIERARCHY_DEPTH_MAX = 50;

export type HierarchyRequest = {
  readonly user: RoomUser;
  readonly roomId: string;
  readonly suggestedOnly: boolean;
  readonly maxDepth: number;
  readonly limit: number;
  readonly from: string | undefined;
};

/** A room on its way into the answer. */
type Visit = { readonly known: KnownOutside; readonly depth: number };

/**
 * A page of the tree, depth first, as the text of the answer: every room once, those that the user may know of alone.
 * The walk begins anew for each page and skips what was told, so that no page is kept anywhere; it asks once per space.
 * Throws M_FORBIDDEN for a space that the user may not know of, and M_INVALID_PARAM for a token of another request.
 * Specification: Client-Server API, `GET /rooms/{roomId}/hierarchy`.
 */
export async function findHierarchy(parts: RoomReadParts, request: HierarchyRequest): Promise<string> {
  const { user, roomId, suggestedOnly, limit } = request;
  const walk = { roomId, suggestedOnly, maxDepth: Math.min(request.maxDepth, HIERARCHY_DEPTH_MAX) };
  const skipped = request.from === undefined ? 0 : parseHierarchyToken(walk, request.from);
  if (skipped === undefined) {
    throw new MatrixError('M_INVALID_PARAM', '"from" is not a token of this space, depth and choice of rooms.');
  }
  const root = (await findKnownRooms(parts, user.userNid, [roomId])).get(roomId);
  if (root === undefined) throw new MatrixError('M_FORBIDDEN', 'There is no such room, or it is not for you to see.');
  const rooms: string[] = [];
  const seen = new Set([roomId]);
  const stack: Visit[] = [{ known: root, depth: 0 }];
  let spaces = 0;
  for (let told = 0; told < ROOMS_MAX; told++) {
    const visit = stack.pop();
    if (visit === undefined) return answerOf(rooms, undefined);
    if (rooms.length === limit) return answerOf(rooms, formatHierarchyToken(walk, told));
    const isSpace = visit.known.room.room_type === 'm.space' && spaces++ < SPACES_MAX;
    const children = isSpace ? await findSpaceChildren(parts, visit.known.room.room_id, { suggestedOnly }) : [];
    if (told >= skipped) rooms.push(entryOf(visit.known, children));
    if (visit.depth >= walk.maxDepth) continue;
    const fresh = children.filter((child) => !seen.has(child.roomId));
    const known = await findKnownRooms(
      parts,
      user.userNid,
      fresh.map((child) => child.roomId),
    );
    // The first child is told next, so it goes onto the stack last.
    for (const child of fresh.toReversed()) {
      const found = known.get(child.roomId);
      if (found === undefined) continue;
      seen.add(child.roomId);
      stack.push({ known: found, depth: visit.depth + 1 });
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

function entryOf({ room }: KnownOutside, children: readonly SpaceChild[]): string {
  const entry = JSON.stringify(roomSummaryEntry(room));
  return `${entry.slice(0, -1)},"children_state":[${children.map((child) => child.json).join(',')}]}`;
}

function answerOf(rooms: readonly string[], next: string | undefined): string {
  const nextPart = next === undefined ? '' : `,"next_batch":${JSON.stringify(next)}`;
  return `{"rooms":[${rooms.join(',')}]${nextPart}}`;
}
