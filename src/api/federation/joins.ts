/** Owns the endpoints by which users of other servers join rooms that are here. */
import { Type } from 'typebox';
import { sentEvent } from '#api/federation/sent-event.ts';
import type { Context } from '#context.ts';
import { jsonPieces } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { admitJoin } from '#rooms/admit/admit-member.ts';
import { makeJoin as makeJoinTemplate } from '#rooms/admit/membership-template.ts';

export const makeJoin = endpoint({
  operation: 'federation.makeJoin',
  method: 'GET',
  path: '/_matrix/federation/v1/make_join/{roomId}/{userId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Joining Rooms',
  query: Type.Object({ ver: Type.Optional(Type.Array(Type.String())) }),
  handler: (context: Context, { params, query, principal }) =>
    makeJoinTemplate(context, principal.origin, { ...params, versions: query.ver ?? ['1'] }),
});

export const sendJoinV2 = endpoint({
  operation: 'federation.sendJoinV2',
  method: 'PUT',
  path: '/_matrix/federation/v2/send_join/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'Server-Server API, Joining Rooms',
  query: Type.Object({ omit_members: Type.Optional(Type.Boolean()) }),
  body: sentEvent,
  handler: async (context: Context, { params, query: { omit_members: omitMembers = false }, bodyText, principal }) =>
    jsonPieces(await admitJoin(context, principal.origin, { ...params, bodyText, omitMembers })),
});

/** Of servers that know no other: the same answer, in the form of the first version. */
export const sendJoinV1 = endpoint({
  operation: 'federation.sendJoinV1',
  method: 'PUT',
  path: '/_matrix/federation/v1/send_join/{roomId}/{eventId}',
  auth: 'server',
  rateLimit: 'none',
  spec: 'MSC4376 took it out of the specification in v1.18',
  body: sentEvent,
  handler: async (context: Context, { params, bodyText, principal }) =>
    jsonPieces(inList(await admitJoin(context, principal.origin, { ...params, bodyText, omitMembers: false }))),
});

async function* inList(pieces: AsyncIterable<string>): AsyncGenerator<string> {
  yield '[200,';
  yield* pieces;
  yield ']';
}
