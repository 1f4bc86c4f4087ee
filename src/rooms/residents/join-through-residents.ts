/** Owns joining a room by way of the servers that are in it. */
import { MatrixError } from '#matrix/error.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { askMembership } from '#rooms/residents/ask-membership.ts';
import { askServers } from '#rooms/residents/ask-servers.ts';
import { enterRoom } from '#rooms/residents/enter-room.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import { sendJoin } from '#rooms/residents/send-join.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

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
  const known = (await findRoom(parts.database, roomId))?.version;
  const wanted = { roomId, userId: user.userId, membership: 'join' } as const;
  await askServers(parts, servers, async (server) => {
    const asked = await askMembership(parts, server, wanted, { known, content });
    await enterRoom(parts, await sendJoin(parts, server, asked), user.userNid);
  });
}
