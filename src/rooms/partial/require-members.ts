/** Owns reading of a room what needs members that may be on their way still: whoever asks waits for them. */
import { findMembershipInState } from '#rooms/find-room-state.ts';
import type { PartialRooms } from '#rooms/partial/partial-rooms.ts';
import { requireJoinedRoom, requireRoomReader, type JoinedRoom, type RoomReader } from '#rooms/room-reader.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';

export type MembersParts = RoomReadParts & { readonly partialRooms: Pick<PartialRooms, 'whenComplete'> };

type Asked = { readonly roomId: string; readonly signal?: AbortSignal };

/** The reader as `requireRoomReader` gives it, once all members are known. Throws as `whenComplete` does besides. */
export async function requireReaderOfAll(
  parts: MembersParts,
  user: RoomUser,
  { roomId, signal }: Asked,
): Promise<RoomReader> {
  const reader = await requireRoomReader(parts, user, roomId);
  if (!reader.isPartial) return reader;
  await parts.partialRooms.whenComplete(reader.room.roomNid, signal);
  return requireRoomReader(parts, user, roomId);
}

/** The same of a room that the user is joined to. Throws as `requireJoinedRoom` and `whenComplete` do. */
export async function requireJoinedRoomOfAll(
  parts: MembersParts,
  user: RoomUser,
  { roomId, signal }: Asked,
): Promise<JoinedRoom> {
  const joined = await requireJoinedRoom(parts, user, roomId);
  if (!joined.isPartial) return joined;
  await parts.partialRooms.whenComplete(joined.room.roomNid, signal);
  return requireJoinedRoom(parts, user, roomId);
}

/**
 * What somebody is to a room that the user is joined to: undefined only if they never had to do with it. Waits where the
 * state does not say. Throws as `requireJoinedRoomOfAll` does.
 */
export async function requireMembershipOf(
  parts: MembersParts,
  user: RoomUser,
  { roomId, targetId }: { readonly roomId: string; readonly targetId: string },
): Promise<string | undefined> {
  const { room, root, isPartial } = await requireJoinedRoom(parts, user, roomId);
  const membership = await findMembershipInState(parts, room, root, targetId);
  if (membership !== undefined || !isPartial) return membership;
  const complete = await requireJoinedRoomOfAll(parts, user, { roomId });
  return findMembershipInState(parts, complete.room, complete.root, targetId);
}
