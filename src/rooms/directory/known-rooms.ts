/** Owns the question which rooms somebody may know of, without being in them. */
import { allowedRoomIds, isKnockable, isRestricted } from '#rooms/directory/outside-view.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { ReadTx } from '#storage/database.ts';
import { findSummarisedRooms, type SummarisedRoom } from '#storage/rooms/find-published.ts';
import { findMembershipsAmong } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

export type KnownOutside = {
  readonly room: SummarisedRoom;
  /** The user's, as a column holds it; undefined if there is or was none. */
  readonly membership: number | undefined;
};

/**
 * Those of the rooms that the user may know of, by id: rooms that they are in or may enter or knock on, and those that
 * the world may read. `userNid` is undefined for somebody who did not log in. Three queries, whatever the number.
 * Specification: Client-Server API, `GET /rooms/{roomId}/hierarchy`, `rooms`; `GET /room_summary/{roomIdOrAlias}`.
 */
export async function findKnownRooms(
  { database }: { readonly database: ReadTx },
  userNid: number | undefined,
  roomIds: readonly string[],
): Promise<ReadonlyMap<string, KnownOutside>> {
  const rooms = await findSummarisedRooms(database, roomIds);
  const allowedIds = rooms.filter(isRestricted).flatMap(allowedRoomIds);
  const asked = [...new Set([...rooms.map((room) => room.room_id), ...allowedIds])];
  const memberships = userNid === undefined ? new Map() : await findMembershipsAmong(database, userNid, asked);
  const known = rooms.filter((room) => mayKnowOf(room, memberships));
  return new Map(known.map((room) => [room.room_id, { room, membership: memberships.get(room.room_id) }]));
}

function mayKnowOf(room: SummarisedRoom, memberships: ReadonlyMap<string, number>): boolean {
  const { join, invite, ban } = membershipCodes;
  const own = memberships.get(room.room_id);
  if (own === join || own === invite || room.history_visibility === 'world_readable') return true;
  if (own === ban) return false;
  if (room.join_rule === 'public' || isKnockable(room)) return true;
  return isRestricted(room) && allowedRoomIds(room).some((id) => memberships.get(id) === join);
}

/**
 * As `findKnownRooms`, of a room that is not here, by the summary of a server that knows it: that server has judged what any
 * user of ours may know, and this is about the one who asks.
 */
export async function mayKnowOfRemote(
  { database }: { readonly database: ReadTx },
  userNid: number | undefined,
  summary: JsonObject,
): Promise<boolean> {
  const { room_id: roomId, join_rule: rule, world_readable: isReadable, allowed_room_ids: allowed } = summary;
  if (isReadable === true || rule === 'public' || rule === 'knock' || rule === 'knock_restricted') return true;
  if (userNid === undefined || typeof roomId !== 'string') return false;
  const allowedIds = Array.isArray(allowed) ? allowed.filter((id) => typeof id === 'string') : [];
  const memberships = await findMembershipsAmong(database, userNid, [roomId, ...allowedIds]);
  const { join, invite } = membershipCodes;
  if (memberships.get(roomId) === join || memberships.get(roomId) === invite) return true;
  return rule === 'restricted' && allowedIds.some((id) => memberships.get(id) === join);
}
