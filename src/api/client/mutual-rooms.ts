/** Owns the endpoint that lists the rooms that two users share. */
import { Type } from 'typebox';
import { endpoint } from '#http/endpoint.ts';
import { findMutualRooms, type MutualRoomsParts } from '#rooms/find-mutual-rooms.ts';

export const getMutualRooms = endpoint({
  operation: 'client.getMutualRooms',
  method: 'GET',
  path: '/_matrix/client/v1/mutual_rooms',
  aliases: ['/_matrix/client/unstable/uk.half-shot.msc2666/user/mutual_rooms'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'default',
  query: Type.Object({ user_id: Type.String(), from: Type.Optional(Type.String()) }),
  spec: 'Client-Server API, Mutual rooms',
  handler: (context: MutualRoomsParts, { query, principal }) =>
    findMutualRooms(context, principal, query.user_id, query.from),
});
