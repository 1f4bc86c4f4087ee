/** Owns the endpoint by which events are redacted. */
import { Type } from 'typebox';
import { reason } from '#api/client/event-content.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { redactEvent as redact } from '#rooms/redact-event.ts';

export const redactEvent = endpoint({
  operation: 'client.redactEvent',
  method: 'PUT',
  path: '/_matrix/client/v3/rooms/{roomId}/redact/{eventId}/{txnId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/redact/{eventId}/{txnId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  idempotency: 'txnId',
  spec: 'Client-Server API, Redactions',
  body: Type.Object({ reason }),
  handler: async (context: Context, { params: { roomId, eventId, txnId }, body, principal }) => ({
    event_id: await redact(context, {
      roomId,
      sender: principal,
      targetId: eventId,
      content: body.reason === undefined ? {} : { reason: body.reason },
      isOnlyOwn: principal.accountState === 'suspended',
      replay: { deviceNid: principal.deviceNid, path: `redactEvent/${roomId}/${eventId}`, txnId },
    }),
  }),
});
