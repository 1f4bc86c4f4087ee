/** Owns the endpoint that lists the rooms a user is in. */
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { findJoinedRooms } from '#storage/rooms/find-rooms.ts';

export const getJoinedRooms = endpoint({
  operation: 'client.getJoinedRooms',
  method: 'GET',
  path: '/_matrix/client/v3/joined_rooms',
  aliases: ['/_matrix/client/r0/joined_rooms'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Joining rooms',
  handler: async (context: Context, { principal }) => ({
    joined_rooms: (await findJoinedRooms(context.database, principal.userNid)).map((room) => room.roomId),
  }),
});
