/** Owns the endpoints by which rooms are found by alias. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { deleteAlias } from '#rooms/aliases/delete-alias.ts';
import { listAliases } from '#rooms/aliases/list-aliases.ts';
import { resolveAlias } from '#rooms/aliases/resolve-alias.ts';
import { setAlias } from '#rooms/aliases/set-alias.ts';

const path = '/_matrix/client/v3/directory/room/{roomAlias}';
const aliases = ['/_matrix/client/r0/directory/room/{roomAlias}'];
const spec = 'Client-Server API, Room aliases';

export const getRoomIdByAlias = endpoint({
  operation: 'client.getRoomIdByAlias',
  method: 'GET',
  path,
  aliases,
  auth: 'none',
  rateLimit: 'none',
  spec,
  handler: async (context: Context, { params }) => {
    const { roomId, servers } = await resolveAlias(context, params.roomAlias);
    return { room_id: roomId, servers };
  },
});

export const setRoomAlias = endpoint({
  operation: 'client.setRoomAlias',
  method: 'PUT',
  path,
  aliases,
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ room_id: Type.String() }),
  handler: async (context: Context, { params, body, principal }) => {
    await setAlias(context, { user: principal, alias: params.roomAlias, roomId: body.room_id });
    return {};
  },
});

export const deleteRoomAlias = endpoint({
  operation: 'client.deleteRoomAlias',
  method: 'DELETE',
  path,
  aliases,
  auth: 'user',
  rateLimit: 'send',
  spec,
  handler: async (context: Context, { params, principal }) => {
    await deleteAlias(context, principal, params.roomAlias);
    return {};
  },
});

export const getLocalAliases = endpoint({
  operation: 'client.getLocalAliases',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/aliases',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/aliases'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  spec,
  handler: async (context: Context, { params, principal }) => ({
    aliases: await listAliases(context, principal, params.roomId),
  }),
});
