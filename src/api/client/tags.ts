/** Owns the endpoints of the tags that users give to rooms. */
import { requireOwn, requireRoomNid } from '#api/client/own-user.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { Type } from 'typebox';
import { deleteRoomTag as deleteTag, findRoomTags, setRoomTag as setTag } from '#users/room-tags.ts';

const aliases = ['/_matrix/client/r0/user/{userId}/rooms/{roomId}/tags/{tag}'];

export const getRoomTags = endpoint({
  operation: 'client.getRoomTags',
  method: 'GET',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags',
  aliases: ['/_matrix/client/r0/user/{userId}/rooms/{roomId}/tags'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Room Tagging',
  handler: async ({ database }: Context, { params: { userId, roomId }, principal }) => {
    requireOwn(userId, principal);
    const roomNid = await requireRoomNid(database, roomId);
    return { tags: await findRoomTags(database, { userNid: principal.userNid, roomNid }) };
  },
});

export const setRoomTag = endpoint({
  operation: 'client.setRoomTag',
  method: 'PUT',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}',
  aliases,
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  body: Type.Object({ order: Type.Optional(Type.Number()) }),
  spec: 'Client-Server API, Room Tagging',
  handler: async ({ database, streams }: Context, { params: { userId, roomId, tag }, body, principal }) => {
    requireOwn(userId, principal);
    const roomNid = await requireRoomNid(database, roomId);
    await setTag(streams.write, { userNid: principal.userNid, roomNid }, tag, body);
    return {};
  },
});

export const deleteRoomTag = endpoint({
  operation: 'client.deleteRoomTag',
  method: 'DELETE',
  path: '/_matrix/client/v3/user/{userId}/rooms/{roomId}/tags/{tag}',
  aliases,
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  spec: 'Client-Server API, Room Tagging',
  handler: async ({ database, streams }: Context, { params: { userId, roomId, tag }, principal }) => {
    requireOwn(userId, principal);
    const roomNid = await requireRoomNid(database, roomId);
    await deleteTag(streams.write, { userNid: principal.userNid, roomNid }, tag);
    return {};
  },
});
