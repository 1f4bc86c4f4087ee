/** Owns the endpoint by which devices send messages to devices. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint, jsonObject } from '#http/endpoint.ts';
import { sendToDeviceOnce } from '#streams/send-to-device.ts';

const userId = Type.String({ maxLength: 255 });
const deviceId = Type.String();

export const sendToDevice = endpoint({
  operation: 'client.sendToDevice',
  method: 'PUT',
  path: '/_matrix/client/v3/sendToDevice/{eventType}/{txnId}',
  aliases: ['/_matrix/client/r0/sendToDevice/{eventType}/{txnId}'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'send',
  bodyRequired: true,
  idempotency: 'txnId',
  body: Type.Object({ messages: Type.Record(userId, Type.Record(deviceId, jsonObject)) }),
  spec: 'Client-Server API, Send-to-Device messaging',
  handler: async (
    { database, streams, clock, isLocal }: Context,
    { params: { eventType, txnId }, body, principal },
  ) => {
    const send = { sender: principal.userId, type: eventType, messages: body.messages };
    const transaction = { deviceNid: principal.deviceNid, path: `sendToDevice/${eventType}`, txnId };
    await sendToDeviceOnce({ database, write: streams.write, isLocal, now: clock.now() }, send, transaction);
    return {};
  },
});
