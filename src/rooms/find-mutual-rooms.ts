/** Owns the question which rooms a user shares with another. */
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import { findMembershipInState } from '#rooms/find-room-state.ts';
import type { RoomReadParts, RoomUser } from '#rooms/room-parts.ts';
import { findLocalUsers } from '#storage/rooms/find-local-users.ts';
import {
  countMutualRooms,
  findMutualRooms as findLocalPage,
  type MutualRoom,
} from '#storage/rooms/find-mutual-rooms.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';
import { findRoomsOfUser } from '#storage/rooms/find-user-memberships.ts';
import { membershipCodes } from '#streams/event-fact.ts';

const ROOMS_PER_PAGE = 100;

export type MutualRoomsParts = RoomReadParts & { readonly isLocal: (id: string) => boolean };

/** A page of rooms; `count` is that of all pages, but for users of other servers only of this one. */
export type MutualRooms = {
  readonly joined: readonly string[];
  readonly count: number;
  readonly next_batch?: string;
};

/**
 * Rooms that both have joined; none with somebody who does not exist. Throws M_INVALID_PARAM for what is no user id, for
 * the user's own, and for a token that is none. Specification: Client-Server API, "Mutual rooms".
 */
export async function findMutualRooms(
  parts: MutualRoomsParts,
  user: RoomUser,
  otherId: string,
  from: string | undefined,
): Promise<MutualRooms> {
  if (!isUserId(otherId) || otherId === user.userId) {
    throw new MatrixError('M_INVALID_PARAM', '"user_id" must be the ID of another user.');
  }
  const page = { afterNid: from === undefined ? 0 : requireToken(from), limit: ROOMS_PER_PAGE + 1 };
  if (!parts.isLocal(otherId)) return findRoomsWithRemote(parts, user, otherId, page);
  const other = (await findLocalUsers(parts.database, [otherId])).get(otherId);
  if (other === undefined) return { joined: [], count: 0 };
  const pair = [user.userNid, other.userNid] as const;
  const [rooms, count] = await Promise.all([
    findLocalPage(parts.database, pair, page),
    countMutualRooms(parts.database, pair),
  ]);
  return { joined: rooms.slice(0, ROOMS_PER_PAGE).map(({ roomId }) => roomId), count, ...nextBatch(rooms) };
}

type Page = { readonly afterNid: number; readonly limit: number };

/** Who is in a room from elsewhere is known by the room's state alone. */
async function findRoomsWithRemote(
  parts: MutualRoomsParts,
  user: RoomUser,
  otherId: string,
  page: Page,
): Promise<MutualRooms> {
  const own = await findRoomsOfUser(parts.database, user.userNid, [membershipCodes.join], page);
  const joined: string[] = [];
  for (const { roomId, roomNid } of own.slice(0, ROOMS_PER_PAGE)) {
    const [room, head] = [await findRoom(parts.database, roomId), await findHead(parts.database, roomNid)];
    if (room === undefined || head === undefined) continue;
    if ((await findMembershipInState(parts, room, head.stateRoot, otherId)) === 'join') joined.push(roomId);
  }
  return { joined, count: joined.length, ...nextBatch(own) };
}

// Rooms are numbered as they become known, so that a token is good for ever.
function nextBatch(rooms: readonly MutualRoom[]): { readonly next_batch?: string } {
  const last = rooms[ROOMS_PER_PAGE - 1];
  return rooms.length > ROOMS_PER_PAGE && last !== undefined ? { next_batch: `m1.${last.roomNid}` } : {};
}

function requireToken(token: string): number {
  const afterNid = Number(/^m1\.(\d{1,15})$/.exec(token)?.[1] ?? Number.NaN);
  if (!Number.isSafeInteger(afterNid)) throw new MatrixError('M_INVALID_PARAM', '"from" is not a token of this list.');
  return afterNid;
}
