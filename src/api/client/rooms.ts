/** Owns the endpoints that read a room's state, its members and single events. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint, type Principal } from '#http/endpoint.ts';
import { contentJsonOf } from '#matrix/client-event.ts';
import { MatrixError } from '#matrix/error.ts';
import { findJoinedMembers, findMembers } from '#rooms/find-members.ts';
import { findStateEvent, findWholeState } from '#rooms/find-room-state.ts';
import { requireReaderOfAll } from '#rooms/partial/require-members.ts';
import { requireEventWithHistory } from '#rooms/find-visible-event.ts';
import { readableJson, renderEvent, type RenderOptions } from '#rooms/render-events.ts';
import { renderPage } from '#rooms/render-page.ts';
import { requireRoomReader } from '#rooms/room-reader.ts';
import type { KnownRoom } from '#storage/rooms/find-rooms.ts';

const membership = Type.Optional(
  Type.Union(['invite', 'join', 'knock', 'leave', 'ban'].map((name) => Type.Literal(name))),
);

function renderOptions(context: Context, room: KnownRoom, principal: Principal): RenderOptions {
  return {
    roomId: room.roomId,
    deviceNid: principal.deviceNid,
    now: context.clock.now(),
    version: room.version,
  };
}

export const getRoomState = endpoint({
  operation: 'client.getRoomState',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/state',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/state'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  handler: async (context: Context, request) => {
    const { params, principal } = request;
    const asked = { roomId: params.roomId, signal: request.signal };
    const { room, root } = await requireReaderOfAll(context, principal, asked);
    const options = renderOptions(context, room, principal);
    const state = await findWholeState(context, room.roomNid, root);
    return rawJson(`[${state.map((event) => renderEvent(event, options)).join(',')}]`);
  },
});

export const getRoomStateWithKey = endpoint({
  operation: 'client.getRoomStateWithKey',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/state/{eventType}/{stateKey}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/state/{eventType}/{stateKey}'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  lastParamMayBeEmpty: true,
  spec: 'Client-Server API, Getting events for a room',
  query: Type.Object({ format: Type.Optional(Type.Union([Type.Literal('content'), Type.Literal('event')])) }),
  handler: async (context: Context, request) => {
    const { params, query, principal } = request;
    const { eventType, stateKey } = params;
    const reader = await requireRoomReader(context, principal, params.roomId);
    const { room } = reader;
    let event = await findStateEvent(context, room.roomNid, reader.root, eventType, stateKey);
    if (event === undefined && reader.isPartial && eventType === 'm.room.member') {
      const asked = { roomId: params.roomId, signal: request.signal };
      const { root } = await requireReaderOfAll(context, principal, asked);
      event = await findStateEvent(context, room.roomNid, root, eventType, stateKey);
    }
    if (event === undefined) throw new MatrixError('M_NOT_FOUND', 'The room has no such state.');
    if (query.format !== 'event') return rawJson(contentJsonOf(readableJson(event, room.version)));
    return rawJson(renderEvent(event, renderOptions(context, room, principal)));
  },
});

export const getMembersByRoom = endpoint({
  operation: 'client.getMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/members',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/members'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  query: Type.Object({ at: Type.Optional(Type.String()), membership, not_membership: membership }),
  handler: async (context: Context, { params, query, principal, signal }) => {
    const { room, members } = await findMembers(context, {
      user: principal,
      roomId: params.roomId,
      at: query.at,
      membership: query.membership,
      notMembership: query.not_membership,
      signal,
    });
    const options = renderOptions(context, room, principal);
    return rawJson(`{"chunk":[${members.map((event) => renderEvent(event, options)).join(',')}]}`);
  },
});

export const getJoinedMembersByRoom = endpoint({
  operation: 'client.getJoinedMembersByRoom',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/joined_members',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/joined_members'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  handler: async (context: Context, { params: { roomId }, principal, signal }) => ({
    joined: Object.fromEntries(await findJoinedMembers(context, principal, { roomId, signal })),
  }),
});

export const getOneRoomEvent = endpoint({
  operation: 'client.getOneRoomEvent',
  method: 'GET',
  path: '/_matrix/client/v3/rooms/{roomId}/event/{eventId}',
  aliases: ['/_matrix/client/r0/rooms/{roomId}/event/{eventId}'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'none',
  spec: 'Client-Server API, Getting events for a room',
  handler: async (context: Context, { params, principal }) => {
    const { reader, event } = await requireEventWithHistory(context, principal, params.roomId, params.eventId);
    return rawJson((await renderPage(context, principal, reader, [event])).join(''));
  },
});
