/** Owns which servers may know a room, and whether this one does. */
import { isServerName, serverNameOf } from '#matrix/ids.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { ReadTx } from '#storage/database.ts';
import { findJoinedUsers } from '#storage/rooms/find-joined-users.ts';
import { findOwnMembership } from '#storage/rooms/find-own-membership.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { findHead, findRoom } from '#storage/rooms/find-rooms.ts';
import { findStrippedSnapshots } from '#storage/streams/find-user-rooms.ts';

type Parts = Pick<ResidentParts, 'database' | 'isLocal' | 'federation'>;

/**
 * Servers to ask about a room, the likeliest first: those that the user named and that of whoever invited them or showed them
 * the room. Without any, those that were in the room when this server last was, and that of the room's id: who names servers
 * is not answered by others. None for a server that does not federate.
 */
export async function findResidents(
  parts: Parts,
  user: RoomUser,
  roomId: string,
  named: readonly string[],
): Promise<readonly string[]> {
  const { database, isLocal, federation } = parts;
  if (!federation.isEnabled) return [];
  const usable = (servers: readonly (string | undefined)[]): readonly string[] =>
    [...new Set(servers)].filter((name) => name !== undefined).filter((name) => isServerName(name) && !isLocal(name));
  const room = await findRoom(database, roomId);
  const shownBy = room === undefined ? [] : await findWhoShowed(database, user, room.roomNid);
  const likely = usable([...named, ...shownBy.map(serverNameOf)]);
  if (likely.length > 0) return likely;
  const before = room === undefined ? [] : await findServersInRoom(database, room.roomNid);
  return usable([...before, serverNameOf(roomId)]);
}

/** Users whose events brought the user to where they are with the room: the invite's sender, and who is in what was shown. */
async function findWhoShowed(database: ReadTx, user: RoomUser, roomNid: number): Promise<readonly string[]> {
  const [own, shown] = await Promise.all([
    findOwnMembership(database, user.userNid, roomNid),
    findStrippedSnapshots(database, user.userNid, [roomNid]),
  ]);
  return [...(own === undefined ? [] : [own.sender]), ...sendersIn(shown.get(roomNid))];
}

/** Whether this server takes part in the room, so that what it has of it is the room as it is. */
export async function isResident({ database }: Pick<Parts, 'database'>, roomNid: number): Promise<boolean> {
  return (await findJoinedUsers(database, roomNid, 1)).length > 0;
}

/** Whether what this server has of the room is all that there is: nobody is in it, here or elsewhere. */
export async function isDeserted({ database, isLocal }: Parts, roomNid: number): Promise<boolean> {
  if ((await findHead(database, roomNid)) === undefined) return false;
  return (await findServersInRoom(database, roomNid)).every((server) => isLocal(server));
}

function sendersIn(state: string | undefined): readonly string[] {
  const events: readonly { readonly sender: string }[] = state === undefined ? [] : JSON.parse(state);
  return events.map(({ sender }) => sender);
}
