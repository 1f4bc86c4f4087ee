/** Owns the endpoint that makes rooms. */
import { Type } from 'typebox';
import { eventContent } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { createRoom as createRoomOf } from '#rooms/create-room.ts';

const INVITED_MAX = 100;
const INITIAL_STATE_MAX = 100;

export const createRoom = endpoint({
  operation: 'client.createRoom',
  method: 'POST',
  path: '/_matrix/client/v3/createRoom',
  aliases: ['/_matrix/client/r0/createRoom'],
  auth: 'user',
  rateLimit: 'create_room',
  numbers: 'canonical',
  spec: 'Client-Server API, Creation',
  body: Type.Object({
    visibility: Type.Optional(Type.Union([Type.Literal('public'), Type.Literal('private')])),
    preset: Type.Optional(
      Type.Union([Type.Literal('private_chat'), Type.Literal('public_chat'), Type.Literal('trusted_private_chat')]),
    ),
    room_version: Type.Optional(Type.String()),
    room_alias_name: Type.Optional(Type.String()),
    name: Type.Optional(Type.String()),
    topic: Type.Optional(Type.String()),
    invite: Type.Optional(Type.Array(Type.String(), { maxItems: INVITED_MAX })),
    invite_3pid: Type.Optional(Type.Array(Type.Object({}))),
    is_direct: Type.Optional(Type.Boolean()),
    creation_content: Type.Optional(eventContent),
    power_level_content_override: Type.Optional(eventContent),
    initial_state: Type.Optional(
      Type.Array(Type.Object({ type: Type.String(), state_key: Type.Optional(Type.String()), content: eventContent }), {
        maxItems: INITIAL_STATE_MAX,
      }),
    ),
  }),
  handler: async (context: Context, { body, principal }) => {
    if (body.invite_3pid !== undefined && body.invite_3pid.length > 0) {
      throw new MatrixError('M_THREEPID_DENIED', 'This server invites by user id only; leave out "invite_3pid".');
    }
    const roomId = await createRoomOf(context, {
      creator: principal,
      versionId: body.room_version ?? context.config.rooms.defaultVersion,
      preset: body.preset ?? (body.visibility === 'public' ? 'public_chat' : 'private_chat'),
      creationContent: body.creation_content,
      powerLevelOverride: body.power_level_content_override,
      initialState: body.initial_state,
      name: body.name,
      topic: body.topic,
      invite: body.invite,
      isDirect: body.is_direct,
      aliasName: body.room_alias_name,
      isPublished: body.visibility === 'public',
    });
    return { room_id: roomId };
  },
});
