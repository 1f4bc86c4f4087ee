/** Owns the endpoints by which other servers read single events and the state before them. */
import { Type } from 'typebox';
import { transactionHead } from '#api/federation/transaction-head.ts';
import type { Context } from '#context.ts';
import { jsonPieces, rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serveEvent } from '#rooms/serve/serve-event.ts';
import { serveState, serveStateIds } from '#rooms/serve/serve-state.ts';

export const getEvent = endpoint({
  operation: 'federation.getEvent',
  method: 'GET',
  path: '/_matrix/federation/v1/event/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Retrieving events',
  handler: async (context: Context, { params: { eventId }, principal }) =>
    rawJson(`${transactionHead(context)},"pdus":[${await serveEvent(context, principal.origin, eventId)}]}`),
});

export const getRoomState = endpoint({
  operation: 'federation.getRoomState',
  method: 'GET',
  path: '/_matrix/federation/v1/state/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ event_id: Type.String() }),
  spec: 'Server-Server API, Retrieving events',
  handler: async (context: Context, { params: { roomId }, query: { event_id: eventId }, principal, signal }) =>
    jsonPieces(await serveState(context, principal.origin, { roomId, eventId, signal })),
});

export const getRoomStateIds = endpoint({
  operation: 'federation.getRoomStateIds',
  method: 'GET',
  path: '/_matrix/federation/v1/state_ids/{roomId}',
  auth: 'server',
  rateLimit: 'none',
  query: Type.Object({ event_id: Type.String() }),
  spec: 'Server-Server API, Retrieving events',
  handler: (context: Context, { params: { roomId }, query: { event_id: eventId }, principal, signal }) =>
    serveStateIds(context, principal.origin, { roomId, eventId, signal }),
});
