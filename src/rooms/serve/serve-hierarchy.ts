/** Owns telling another server of a space and its children, as far as the server's users may know of them. */
import { MatrixError } from '#matrix/error.ts';
import { findRoomVersion } from '#matrix/room-versions.ts';
import { allowedRoomIds, isKnockable, isRestricted, roomSummaryEntry } from '#rooms/directory/outside-view.ts';
import { viewOfServer, type ServeParts } from '#rooms/serve/server-view.ts';
import { findSpaceChildren } from '#rooms/spaces/find-hierarchy.ts';
import { isServerInRoom } from '#storage/rooms/find-room-servers.ts';
import { findSummarisedRooms, type SummarisedRoom } from '#storage/rooms/find-published.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';

/** Children that are told of; a space with more is told with these. */
const CHILDREN_MAX = 500;
/** Rooms by whose members a restricted room may be entered, as far as they are looked at. */
const ALLOWED_MAX = 50;

/**
 * The JSON text of the answer. Throws M_NOT_FOUND alike for a room that is not here and for one that no user of the server could
 * enter or read. Specification: Server-Server API, `GET /hierarchy/{roomId}`.
 */
export async function serveHierarchy(
  parts: ServeParts,
  origin: string,
  { roomId, suggestedOnly }: { readonly roomId: string; readonly suggestedOnly: boolean },
): Promise<string> {
  const [space] = roomId.includes('\0') ? [] : await findSummarisedRooms(parts.database, [roomId]);
  if (space === undefined || !(await mayKnowOf(parts, origin, space))) {
    throw new MatrixError('M_NOT_FOUND', 'There is no such room, or it is not for your server to see.');
  }
  const isSpace = space.room_type === 'm.space';
  const children = isSpace ? await findSpaceChildren(parts, roomId, { suggestedOnly, limit: CHILDREN_MAX }) : [];
  const summarised = await findSummarisedRooms(
    parts.database,
    children.map((child) => child.roomId),
  );
  const rooms = new Map(summarised.map((room) => [room.room_id, room]));
  const told: string[] = [];
  const inaccessible: string[] = [];
  for (const child of children) {
    const room = rooms.get(child.roomId);
    if (room === undefined) continue;
    if (await mayKnowOf(parts, origin, room)) told.push(JSON.stringify(roomSummaryEntry(room)));
    else inaccessible.push(child.roomId);
  }
  const entry = JSON.stringify(roomSummaryEntry(space)).slice(0, -1);
  const states = children.map((child) => child.json).join(',');
  const closed = JSON.stringify(inaccessible);
  return `{"room":${entry},"children_state":[${states}]},"children":[${told.join(',')}],"inaccessible_children":${closed}}`;
}

/** Whether a user of the server is in the room, or could enter, knock or read. Which user may, the server judges itself. */
async function mayKnowOf(parts: ServeParts, origin: string, summary: SummarisedRoom): Promise<boolean> {
  if (findRoomVersion(summary.version) === undefined) return false;
  if (summary.history_visibility === 'world_readable' || summary.join_rule === 'public' || isKnockable(summary)) {
    return true;
  }
  if (await isServerInRoom(parts.database, summary.room_nid, origin)) return true;
  const allowed = isRestricted(summary) ? allowedRoomIds(summary).slice(0, ALLOWED_MAX) : [];
  for (const roomId of allowed) {
    const room = await findRoom(parts.database, roomId);
    if (room !== undefined && (await isServerInRoom(parts.database, room.roomNid, origin))) return true;
  }
  return isInvited(parts, origin, summary.room_id);
}

async function isInvited(parts: ServeParts, origin: string, roomId: string): Promise<boolean> {
  const room = await findRoom(parts.database, roomId);
  const head = room === undefined ? undefined : await findHead(parts.database, room.roomNid);
  if (room === undefined || head === undefined) return false;
  const { stateRoot: root, isPartial } = head;
  return (await viewOfServer(parts, { room, root, isPartial }, origin).membershipAt(root)) === 'invite';
}
