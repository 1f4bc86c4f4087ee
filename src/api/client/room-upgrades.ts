/** Owns the endpoint by which a room is replaced by one of another version. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { upgradeRoom as upgrade } from '#rooms/upgrade/upgrade-room.ts';

export const upgradeRoom = endpoint({
  operation: 'client.upgradeRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/upgrade',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/upgrade'],
  auth: 'user',
  rateLimit: 'create_room',
  spec: 'Client-Server API, Room upgrades',
  body: Type.Object({ new_version: Type.String(), additional_creators: Type.Optional(Type.Array(Type.String())) }),
  handler: async (context: Context, { params: { roomId }, body, principal }) => ({
    replacement_room: await upgrade(context, {
      user: principal,
      roomId,
      versionId: body.new_version,
      additionalCreators: body.additional_creators ?? [],
    }),
  }),
});
