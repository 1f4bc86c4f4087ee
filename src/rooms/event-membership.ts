/** Owns what a reader was to a room at an event, which `unsigned.membership` tells them. */
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findMembershipChanges, type MembershipChange } from '#storage/rooms/find-rooms.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/** Of an event by its position in the stream; of history from before this server was in the room there is none. */
export type MembershipOf = (pos: number | undefined) => string;

const { none, ...told } = membershipCodes;
const names: ReadonlyMap<number, string> = new Map(Object.entries(told).map(([name, code]) => [code, name]));

export const alwaysJoined: MembershipOf = () => 'join';

/**
 * By a user's changes of membership of the room, oldest first. An event that changed it counts with its own change, and
 * who was never anything to the room has left it.
 * Specification: Client-Server API, "Room event format", `unsigned.membership`.
 */
export function membershipBy(changes: readonly Pick<MembershipChange, 'pos' | 'membership'>[]): MembershipOf {
  return (pos = 0) => names.get(changes.findLast((change) => change.pos <= pos)?.membership ?? none) ?? 'leave';
}

/** For these events; nothing is asked where the reader has been joined since before the oldest of them. */
export async function findMembershipOf(
  { database }: Pick<RoomReadParts, 'database'>,
  user: RoomUser,
  reader: { readonly room: { readonly roomNid: number }; readonly joinedPos: number | undefined },
  events: readonly { readonly pos: number | undefined }[],
): Promise<MembershipOf> {
  const { joinedPos } = reader;
  if (joinedPos !== undefined && events.every(({ pos = 0 }) => pos >= joinedPos)) return alwaysJoined;
  return membershipBy(await findMembershipChanges(database, user.userNid, reader.room.roomNid));
}
