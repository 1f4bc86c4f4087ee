/** Owns the endpoints by which users of other servers knock on rooms that are here. */
import { Type } from 'typebox';
import { sentEvent } from '#api/federation/sent-event.ts';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { admitKnock } from '#rooms/admit/admit-member.ts';
import { makeKnock as makeKnockTemplate } from '#rooms/admit/membership-template.ts';

export const makeKnock = endpoint({
  operation: 'federation.makeKnock',
  method: 'GET',
  path: '/_matrix/federation/v1/make_knock/{roomId}/{userId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Knocking upon a room',
  query: Type.Object({ ver: Type.Optional(Type.Array(Type.String())) }),
  handler: (context: Context, { params, query, principal }) =>
    makeKnockTemplate(context, principal.origin, { ...params, versions: query.ver ?? ['1'] }),
});

export const sendKnock = endpoint({
  operation: 'federation.sendKnock',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_knock/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Knocking upon a room',
  body: sentEvent,
  handler: async (context: Context, { params, bodyText, principal }) => {
    const shown = await admitKnock(context, principal.origin, { ...params, bodyText });
    return rawJson(`{"knock_room_state":[${shown.join(',')}]}`);
  },
});
