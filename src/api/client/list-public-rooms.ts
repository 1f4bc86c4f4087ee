/** Owns the endpoints of the directory of published rooms. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { isServerName } from '#matrix/ids.ts';
import { listPublicRooms, type PublicRoomsRequest } from '#rooms/directory/list-public-rooms.ts';
import { listRemoteRooms } from '#rooms/directory/list-remote-rooms.ts';
import { findDirectoryVisibility, setDirectoryVisibility } from '#rooms/directory/publish-room.ts';

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 500;
const ROOM_TYPES_MAX = 100;
const spec = 'Client-Server API, Published room directory';

const visibilityPath = '/_matrix/client/v3/directory/list/room/{roomId}';
const visibilityAliases = ['/_matrix/client/r0/directory/list/room/{roomId}'];

export const getRoomVisibilityOnDirectory = endpoint({
  operation: 'client.getRoomVisibilityOnDirectory',
  method: 'GET',
  path: visibilityPath,
  aliases: visibilityAliases,
  auth: 'none',
  rateLimit: 'none',
  spec,
  handler: async (context: Context, { params }) => ({
    visibility: await findDirectoryVisibility(context, params.roomId),
  }),
});

export const setRoomVisibilityOnDirectory = endpoint({
  operation: 'client.setRoomVisibilityOnDirectory',
  method: 'PUT',
  path: visibilityPath,
  aliases: visibilityAliases,
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])) }),
  handler: async (context: Context, { params, body, principal }) => {
    const { visibility = 'public' } = body;
    await setDirectoryVisibility(context, { user: principal, roomId: params.roomId, visibility });
    return {};
  },
});

const path = '/_matrix/client/v3/publicRooms';
const aliases = ['/_matrix/client/r0/publicRooms'];
const server = Type.Optional(Type.String());
const limit = Type.Optional(Type.Integer({ minimum: 0 }));
const since = Type.Optional(Type.String());

export const getPublicRooms = endpoint({
  operation: 'client.getPublicRooms',
  method: 'GET',
  path,
  aliases,
  auth: 'none',
  rateLimit: 'none',
  spec,
  query: Type.Object({ limit, since, server }),
  handler: (context: Context, { query }) => list(context, query.server, query, {}),
});

export const queryPublicRooms = endpoint({
  operation: 'client.queryPublicRooms',
  method: 'POST',
  path,
  aliases,
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec,
  query: Type.Object({ server }),
  body: Type.Object({
    limit,
    since,
    filter: Type.Optional(
      Type.Object({
        generic_search_term: Type.Optional(Type.Union([Type.String(), Type.Null()])),
        room_types: Type.Optional(
          Type.Union([Type.Array(Type.Union([Type.String(), Type.Null()]), { maxItems: ROOM_TYPES_MAX }), Type.Null()]),
        ),
      }),
    ),
    include_all_networks: Type.Optional(Type.Boolean()),
    third_party_instance_id: Type.Optional(Type.Union([Type.String(), Type.Null()])),
  }),
  handler: (context: Context, { query, body }) => {
    const network = body.third_party_instance_id ?? undefined;
    if (network !== undefined && body.include_all_networks === true) {
      throw new MatrixError('M_INVALID_PARAM', 'Ask for all networks, or for one: "third_party_instance_id" is one.');
    }
    // No room here is of another network.
    if (network !== undefined) return { chunk: [], total_room_count_estimate: 0 };
    return list(context, query.server, body, {
      searchTerm: body.filter?.generic_search_term ?? undefined,
      roomTypes: body.filter?.room_types ?? undefined,
    });
  },
});

function list(
  context: Context,
  serverName: string | undefined,
  page: { readonly limit?: number; readonly since?: string },
  filter: Partial<Pick<PublicRoomsRequest, 'searchTerm' | 'roomTypes'>>,
): Promise<Record<string, unknown>> {
  const request = {
    since: page.since,
    limit: Math.min(page.limit || LIMIT_DEFAULT, LIMIT_MAX),
    searchTerm: filter.searchTerm,
    roomTypes: filter.roomTypes,
  };
  if (serverName === undefined || context.isLocal(serverName)) return listPublicRooms(context, request);
  if (!isServerName(serverName)) throw new MatrixError('M_INVALID_PARAM', `"${serverName}" is not a server name.`);
  return listRemoteRooms(context, serverName, request);
}
