/** Owns the endpoints by which users report what they find inappropriate. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import * as reports from '#rooms/reports/report-content.ts';

const spec = 'Client-Server API, Reporting content';

export const reportRoom = endpoint({
  operation: 'client.reportRoom',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/report',
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ reason: Type.String() }),
  handler: async (context: Context, { params: { roomId }, body: { reason }, principal: reporter }) => {
    await reports.reportRoom(context, { reporter, roomId, reason });
    return {};
  },
});

export const reportEvent = endpoint({
  operation: 'client.reportEvent',
  method: 'POST',
  path: '/_matrix/client/v3/rooms/{roomId}/report/{eventId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/report/{eventId}'],
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  handler: async (context: Context, { params: { roomId, eventId }, body: { reason = '' }, principal: reporter }) => {
    await reports.reportEvent(context, { reporter, roomId, eventId, reason });
    return {};
  },
});

export const reportUser = endpoint({
  operation: 'client.reportUser',
  method: 'POST',
  path: '/_matrix/client/v3/users/{userId}/report',
  auth: 'user',
  rateLimit: 'send',
  spec,
  body: Type.Object({ reason: Type.String() }),
  handler: async (context: Context, { params: { userId }, body: { reason }, principal: reporter }) => {
    await reports.reportUser(context, { reporter, userId, reason });
    return {};
  },
});
