/** Owns the summary of a single room, for those who may know of it. */
import { MatrixError } from '#matrix/error.ts';
import { requireRoomId, type AliasParts } from '#rooms/aliases/find-alias.ts';
import { findKnownRooms } from '#rooms/directory/known-rooms.ts';
import { roomSummaryEntry } from '#rooms/directory/outside-view.ts';
import { membershipCodes } from '#streams/event-fact.ts';

const membershipNames = new Map<number | undefined, string>(
  Object.entries(membershipCodes).map(([name, code]) => [code, name]),
);

/**
 * Throws M_NOT_FOUND in the same words for a room that is not here and for one that the user may not know of.
 * Specification: Client-Server API, `GET /room_summary/{roomIdOrAlias}`.
 */
export async function requireRoomSummary(
  parts: AliasParts,
  userNid: number | undefined,
  roomIdOrAlias: string,
): Promise<Record<string, unknown>> {
  const roomId = await requireRoomId(parts, roomIdOrAlias);
  const known = (await findKnownRooms(parts, userNid, [roomId])).get(roomId);
  if (known === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such room, or it is not for you to see.');
  const membership = known.membership === undefined ? undefined : membershipNames.get(known.membership);
  return { ...roomSummaryEntry(known.room), ...(membership !== undefined && { membership }) };
}
