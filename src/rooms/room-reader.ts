/** Owns the question who may read a room, and as of when. */
import { MatrixError } from '#matrix/error.ts';
import { historyVisibilityOf } from '#matrix/history-visibility.ts';
import { contentOf, findStateEvent } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import {
  doubtRoom,
  findHeadForUser,
  findMembershipChanges,
  findRoom,
  findStateRootAt,
  type KnownRoom,
} from '#storage/rooms/find-rooms.ts';
import type { StateRoot } from '#storage/rooms/state-tries.ts';
import { membershipCodes } from '#streams/event-fact.ts';

/** What a user may read of a room. */
export type RoomReader = {
  readonly room: KnownRoom;
  /** `left`: as of `leftPos`; `peeking`: a room that is readable by the whole world. */
  readonly kind: 'joined' | 'left' | 'peeking';
  /** The state that the user may see. */
  readonly root: StateRoot;
  /** Position in the stream of the event by which the user ceased to be joined. */
  readonly leftPos: number | undefined;
  /** Position since which the user has been joined without a break; only of those who are. */
  readonly joinedPos: number | undefined;
  /** Order of the newest event of the room, whether the user may see it or not. */
  readonly lastOrder: number;
  /** Whether members are missing from the room's state, and on their way. */
  readonly isPartial: boolean;
};

/** What a user may read of a room, or undefined: nothing, or there is no such room. */
export async function findRoomReader(
  parts: RoomReadParts,
  user: RoomUser,
  roomId: string,
): Promise<RoomReader | undefined> {
  const { database } = parts;
  const room = await findRoom(database, roomId);
  if (room === undefined) return undefined;
  const { roomNid } = room;
  const head = await findHeadForUser(database, user.userNid, roomNid);
  if (head === undefined) {
    doubtRoom(database, roomId);
    return undefined;
  }
  const { lastOrder, stateRoot, own, isPartial } = head;
  const known = { room, lastOrder, isPartial };
  if (own?.membership === membershipCodes.join) {
    return { ...known, kind: 'joined', root: stateRoot, leftPos: undefined, joinedPos: own.sincePos };
  }
  if (await isWorldReadable(parts, room, stateRoot)) {
    return { ...known, kind: 'peeking', root: stateRoot, leftPos: undefined, joinedPos: undefined };
  }
  if (own === undefined || own.forgottenPos !== undefined) return undefined;
  const changes = await findMembershipChanges(database, user.userNid, roomNid);
  const left = changes.findLast(
    ({ membership, was }) => was === membershipCodes.join && membership !== membershipCodes.join,
  );
  const root = left === undefined ? undefined : await findStateRootAt(database, roomNid, left.pos);
  return left === undefined || root === undefined
    ? undefined
    : { ...known, kind: 'left', root, leftPos: left.pos, joinedPos: undefined };
}

/** Throws M_FORBIDDEN, in the same words whether the room is closed to the user or does not exist. */
export async function requireRoomReader(parts: RoomReadParts, user: RoomUser, roomId: string): Promise<RoomReader> {
  const reader = await findRoomReader(parts, user, roomId);
  if (reader === undefined) throw new MatrixError('M_FORBIDDEN', 'You are not in this room.');
  return reader;
}

/** A room with its state now. */
export type JoinedRoom = Pick<RoomReader, 'room' | 'root' | 'isPartial'>;

/** A room that the user is joined to. Throws M_FORBIDDEN as `requireRoomReader` does. */
export async function requireJoinedRoom(parts: RoomReadParts, user: RoomUser, roomId: string): Promise<JoinedRoom> {
  const { database } = parts;
  const room = await findRoom(database, roomId);
  if (room !== undefined) {
    const head = await findHeadForUser(database, user.userNid, room.roomNid);
    if (head?.own?.membership === membershipCodes.join) {
      return { room, root: head.stateRoot, isPartial: head.isPartial };
    }
    if (head === undefined) doubtRoom(database, roomId);
  }
  throw new MatrixError('M_FORBIDDEN', 'You are not in this room.');
}

async function isWorldReadable(parts: RoomReadParts, room: KnownRoom, root: StateRoot): Promise<boolean> {
  const event = await findStateEvent(parts, room.roomNid, root, 'm.room.history_visibility', '');
  return event !== undefined && historyVisibilityOf(contentOf(event, room.version)) === 'world_readable';
}
