/** Owns the endpoints by which clients say how far their user has read. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { sendReceipt, setReadMarkers } from '#rooms/receipts/send-receipt.ts';

export const postReceipt = endpoint({
  operation: 'client.postReceipt',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/receipt/{receiptType}/{eventId}'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  body: Type.Object({ thread_id: Type.Optional(Type.String()) }),
  spec: 'Client-Server API, Receipts',
  handler: async (context: Context, { params, body, principal }) => {
    await sendReceipt(context, principal, { ...params, threadId: body.thread_id });
    context.presence.acted(principal);
    return {};
  },
});

const eventId = Type.Optional(Type.String());

export const setReadMarker = endpoint({
  operation: 'client.setReadMarker',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/read_markers'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'send',
  body: Type.Object({ 'm.fully_read': eventId, 'm.read': eventId, 'm.read.private': eventId }),
  spec: 'Client-Server API, Fully read markers',
  handler: async (context: Context, { params, body, principal }) => {
    await setReadMarkers(context, principal, params.roomId, body);
    context.presence.acted(principal);
    return {};
  },
});
