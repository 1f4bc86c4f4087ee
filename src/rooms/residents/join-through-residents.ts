/** Owns joining a room by way of the servers that are in it. */
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { MissingEventsError } from '#rooms/persist/missing-events.ts';
import { askMembership } from '#rooms/residents/ask-membership.ts';
import { askServers } from '#rooms/residents/ask-servers.ts';
import { enterRoom } from '#rooms/residents/enter-room.ts';
import { isResident } from '#rooms/residents/find-residents.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { sendJoin } from '#rooms/residents/send-join.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findRoom, type KnownRoom } from '#storage/rooms/find-rooms.ts';
import { findPartialRooms } from '#storage/rooms/partial-rooms.ts';

/**
 * Asks the servers in their order. Throws the most telling refusal: M_FORBIDDEN, M_INCOMPATIBLE_ROOM_VERSION with
 * `room_version`, M_UNABLE_TO_AUTHORISE_JOIN, M_UNABLE_TO_GRANT_JOIN, M_NOT_FOUND; or M_UNKNOWN with status 502.
 * Specification: Server-Server API, "Joining Rooms".
 */
export async function joinThroughResidents(
  parts: ResidentParts,
  request: {
    readonly user: RoomUser;
    readonly roomId: string;
    readonly content: JsonObject;
    readonly servers: readonly string[];
  },
): Promise<void> {
  const { user, roomId, content, servers } = request;
  if (servers.length === 0) throw new MatrixError('M_NOT_FOUND', 'No server is known that is in this room.');
  const wanted = { roomId, userId: user.userId, membership: 'join' } as const;
  await askServers(parts, servers, async (server) => {
    const room = await findRoom(parts.database, roomId);
    const join = async (mayOmit: boolean): Promise<void> => {
      const asked = await askMembership(parts, server, wanted, { known: room?.version, content });
      await enterRoom(parts, await sendJoin(parts, server, { ...asked, mayOmit }), user.userNid);
    };
    const mayOmit = room === undefined || (await mayLackMembers(parts, room));
    try {
      await join(mayOmit);
    } catch (error) {
      // Meanwhile the room has been completed, and the join follows events that are not here: their state is wanted whole.
      if (!mayOmit || !(error instanceof MissingEventsError)) throw error;
      await join(false);
    }
  });
}

/** A room whose state is complete is not made less by another join. */
async function mayLackMembers({ database }: ResidentParts, { roomNid }: KnownRoom): Promise<boolean> {
  return !(await isResident({ database }, roomNid)) || (await findPartialRooms(database, [roomNid])).has(roomNid);
}
