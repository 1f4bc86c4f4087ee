/** Owns the endpoint by which clients set state. */
import { eventContent } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { setState } from '#rooms/set-state.ts';

export const setRoomStateWithKey = endpoint({
  operation: 'client.setRoomStateWithKey',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/state/{eventType}/{stateKey}'],
  auth: 'user',
  guests: true,
  rateLimit: 'send',
  bodyRequired: true,
  numbers: 'canonical',
  lastParamMayBeEmpty: true,
  spec: 'Client-Server API, Sending events to a room',
  body: eventContent,
  handler: async (context: Context, { params: { roomId, eventType, stateKey }, body: content, principal }) => ({
    event_id: await setState(context, { roomId, sender: principal, type: eventType, stateKey, content }),
  }),
});
