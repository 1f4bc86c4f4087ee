/** Owns knocking on a room by way of the servers that are in it. */
import { isJsonObject } from '#matrix/pdu-format.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { selectStripped } from '#matrix/stripped-state.ts';
import { persistOutOfBand } from '#rooms/persist-out-of-band.ts';
import { askMembership, requireJson, sendPath } from '#rooms/residents/ask-membership.ts';
import { askServers } from '#rooms/residents/ask-servers.ts';
import type { ResidentParts } from '#rooms/residents/resident-parts.ts';
import type { RoomUser } from '#rooms/room-parts.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';

/**
 * Asks the servers in their order, and keeps the knock out of band with what was told of the room. Throws the most telling
 * refusal, as `joinThroughResidents` does. Specification: Server-Server API, "Knocking upon a room".
 */
export async function knockThroughResidents(
  parts: ResidentParts,
  request: {
    readonly user: RoomUser;
    readonly roomId: string;
    readonly content: JsonObject;
    readonly servers: readonly string[];
  },
): Promise<void> {
  const { user, roomId, content, servers } = request;
  const known = (await findRoom(parts.database, roomId))?.version;
  const wanted = { roomId, userId: user.userId, membership: 'knock' } as const;
  await askServers(parts, servers, async (server) => {
    const { event } = await askMembership(parts, server, wanted, { known, content });
    const path = sendPath('v1', 'knock', event);
    const { bytes } = await parts.federation.client.request(server, { method: 'PUT', path, body: event.json });
    const answer = requireJson(bytes);
    const shown = selectStripped(isJsonObject(answer) ? answer['knock_room_state'] : undefined);
    const outcome = await persistOutOfBand(parts, { event, shown });
    // Somebody of this server has come into the room meanwhile: the knock comes in like any other event of the room.
    if (outcome === 'inRoom') await parts.persistEvents({ room: { roomId }, events: [{ sealed: event }] });
  });
}
