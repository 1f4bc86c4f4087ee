/** Owns the endpoint by which clients send events that are not state. */
import { eventContent } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { MatrixError } from '#matrix/error.ts';
import { redactEvent } from '#rooms/redact-event.ts';
import { sendEvent } from '#rooms/send-event.ts';

export const sendMessage = endpoint({
  operation: 'client.sendMessage',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/send/{eventType}/{txnId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/send/{eventType}/{txnId}'],
  auth: 'user',
  guests: true,
  rateLimit: 'send',
  bodyRequired: true,
  numbers: 'canonical',
  idempotency: 'txnId',
  hot: true,
  spec: 'Client-Server API, Sending events to a room',
  body: eventContent,
  handler: async (context: Context, { params: { roomId, eventType: type, txnId }, body: content, principal }) => {
    const replay = { deviceNid: principal.deviceNid, path: `sendMessage/${roomId}/${type}`, txnId };
    if (type === 'm.room.redaction') {
      const { redacts, ...rest } = content;
      if (typeof redacts !== 'string') throw new MatrixError('M_BAD_JSON', 'A redaction needs "redacts", an event id.');
      const request = { roomId, sender: principal, targetId: redacts, content: rest, replay };
      return { event_id: await redactEvent(context, request) };
    }
    context.presence.acted(principal);
    return { event_id: await sendEvent(context, { roomId, sender: principal.userId, type, content, replay }) };
  },
});
