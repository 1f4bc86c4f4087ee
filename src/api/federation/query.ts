/** Owns the endpoints by which other servers ask about our users and aliases. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { isUserId } from '#matrix/ids.ts';
import { requireAlias } from '#rooms/aliases/find-alias.ts';
import { findRoom } from '#storage/rooms/find-rooms.ts';
import { findServersInRoom } from '#storage/rooms/find-room-servers.ts';
import { findProfile } from '#users/profile.ts';

/** Servers by which a room may be joined, as many as an answer names. */
const SERVERS_MAX = 50;

export const queryRoomDirectory = endpoint({
  operation: 'federation.queryRoomDirectory',
  method: 'GET',
  path: '/_matrix/federation/v1/query/directory',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ room_alias: Type.String() }),
  spec: 'Server-Server API, Querying for information',
  handler: async (context: Context, { query: { room_alias: alias } }) => {
    const { roomId } = await requireAlias(context, alias);
    const room = await findRoom(context.database, roomId);
    const present = room === undefined ? [] : await findServersInRoom(context.database, room.roomNid);
    const servers = [...new Set([context.config.serverName, ...present])].slice(0, SERVERS_MAX);
    return { room_id: roomId, servers };
  },
});

export const queryProfile = endpoint({
  operation: 'federation.queryProfile',
  method: 'GET',
  path: '/_matrix/federation/v1/query/profile',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ user_id: Type.String(), field: Type.Optional(Type.String()) }),
  spec: 'Server-Server API, Querying for information',
  handler: async ({ database, isLocal }: Context, { query: { user_id: userId, field } }) => {
    if (!isUserId(userId) || !isLocal(userId)) {
      throw new MatrixError('M_INVALID_PARAM', '"user_id" is not the ID of a user of this server.');
    }
    const profile = await findProfile(database, userId);
    if (profile === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no profile of this user.');
    if (field === undefined) return profile;
    return Object.hasOwn(profile, field) ? { [field]: profile[field] } : {};
  },
});
