/** Owns the endpoints by which users join rooms. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import { namedServers, viaQuery } from '#api/client/via.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import { resolveRoom } from '#rooms/aliases/resolve-alias.ts';
import { joinRoom as join } from '#rooms/join-room.ts';

// Clients say more of their membership here than the specification names, as they may when they set the state itself.
const body = Type.Unsafe<JsonObject & { readonly reason?: string }>(Type.Object({ reason }));

export const joinRoomById = endpoint({
  operation: 'client.joinRoomById',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/join',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/join'],
  auth: 'user',
  guests: true,
  rateLimit: 'join',
  numbers: 'canonical',
  spec: 'Client-Server API, Joining rooms',
  query: viaQuery,
  body,
  handler: async (
    context: Context,
    { params, query, body: { reason: why, third_party_signed: _unused, ...content }, principal },
  ) => {
    const servers = namedServers(query);
    await join(context, { user: principal, roomId: params.roomId, reason: why, content, servers });
    return { room_id: params.roomId };
  },
});

export const joinRoom = endpoint({
  operation: 'client.joinRoom',
  method: 'POST',
  path: '/_matrix/client/v3/join/{roomIdOrAlias}',
  aliases: ['/_matrix/client/r0/join/{roomIdOrAlias}'],
  auth: 'user',
  rateLimit: 'join',
  numbers: 'canonical',
  spec: 'Client-Server API, Joining rooms',
  query: viaQuery,
  body,
  handler: async (
    context: Context,
    { params, query, body: { reason: why, third_party_signed: _unused, ...content }, principal },
  ) => {
    const { roomId, servers: known } = await resolveRoom(context, params.roomIdOrAlias);
    const servers = [...namedServers(query), ...known];
    await join(context, { user: principal, roomId, reason: why, content, servers });
    return { room_id: roomId };
  },
});
