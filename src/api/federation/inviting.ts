/** Owns the endpoints by which other servers invite users of this one. */
import { Type } from 'typebox';
import { sentEvent } from '#api/federation/sent-event.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { readFirstInvite, readSecondInvite } from '#rooms/admit/read-invite.ts';
import { receiveInvite } from '#rooms/admit/receive-invite.ts';

export const sendInviteV2 = endpoint({
  operation: 'federation.sendInviteV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/invite/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'send',
  spec: 'Server-Server API, Inviting to a room',
  body: Type.Object({ room_version: Type.String(), event: sentEvent, invite_room_state: Type.Optional(Type.Any()) }),
  handler: async (context: Context, { params, bodyText, principal }) => {
    const event = await receiveInvite(context, principal.origin, { ...params, ...readSecondInvite(bodyText) });
    return rawJson(`{"event":${event}}`);
  },
});

export const sendInviteV1 = endpoint({
  operation: 'federation.sendInviteV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/invite/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'send',
  spec: 'Server-Server API, Inviting to a room',
  body: sentEvent,
  handler: async (context: Context, { params, bodyText, principal }) => {
    const event = await receiveInvite(context, principal.origin, { ...params, ...readFirstInvite(bodyText) });
    return rawJson(`[200,{"event":${event}}]`);
  },
});
