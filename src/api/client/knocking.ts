/** Owns the endpoint by which users ask to be let into a room. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import { namedServers, viaQuery } from '#api/client/via.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { resolveRoom } from '#rooms/aliases/resolve-alias.ts';
import { knockOnRoom } from '#rooms/knock-room.ts';

export const knockRoom = endpoint({
  operation: 'client.knockRoom',
  method: 'POST',
  path: '/_matrix/client/v3/knock/{roomIdOrAlias}',
  aliases: ['/_matrix/client/r0/knock/{roomIdOrAlias}'],
  auth: 'user',
  rateLimit: 'join',
  spec: 'Client-Server API, Knocking on rooms',
  query: viaQuery,
  body: Type.Object({ reason }),
  handler: async (context: Context, { params, query, body, principal }) => {
    const { roomId, servers: known } = await resolveRoom(context, params.roomIdOrAlias);
    const servers = [...namedServers(query), ...known];
    await knockOnRoom(context, { user: principal, roomId, reason: body.reason, servers });
    return { room_id: roomId };
  },
});
