/** Owns the endpoints by which users of other servers leave rooms that are here, and reject invitations to them. */
import { sentEvent } from '#api/federation/sent-event.ts';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { admitLeave } from '#rooms/admit/admit-member.ts';
import { makeLeave as makeLeaveTemplate } from '#rooms/admit/membership-template.ts';

export const makeLeave = endpoint({
  operation: 'federation.makeLeave',
  method: 'GET',
  path: '/_matrix/federation/v1/make_leave/{roomId}/{userId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Leaving Rooms (Rejecting Invites)',
  handler: (context: Context, { params, principal }) => makeLeaveTemplate(context, principal.origin, params),
});

export const sendLeaveV2 = endpoint({
  operation: 'federation.sendLeaveV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_leave/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Leaving Rooms (Rejecting Invites)',
  body: sentEvent,
  handler: async (context: Context, { params, bodyText, principal }) => {
    await admitLeave(context, principal.origin, { ...params, bodyText });
    return {};
  },
});

/** Of servers that know no other. */
export const sendLeaveV1 = endpoint({
  operation: 'federation.sendLeaveV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_leave/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'MSC4376 took it out of the specification in v1.18',
  body: sentEvent,
  handler: async (context: Context, { params, bodyText, principal }) => {
    await admitLeave(context, principal.origin, { ...params, bodyText });
    return [200, {}];
  },
});
