/** Owns the endpoint that tells whose devices changed between two syncs. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { endpoint } from '#http/endpoint.ts';
import { findDeviceLists } from '#sync/device-lists.ts';
import { requireSince } from '#sync/read-request.ts';
import { findUserRoomsAt } from '#sync/user-rooms.ts';

export const getKeysChanges = endpoint({
  operation: 'client.getKeysChanges',
  method: 'GET',
  path: '/_matrix/client/v3/keys/changes',
  aliases: ['/_matrix/client/r0/keys/changes'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'sync',
  query: Type.Object({ from: Type.String(), to: Type.String() }),
  spec: 'Client-Server API, End-to-end encryption',
  handler: async (context: Context, { query, principal }) => {
    const since = await requireSince(context.streams, query.from);
    const upTo = await requireSince(context.streams, query.to);
    const at = await findUserRoomsAt(context, principal, { fresh: false });
    return findDeviceLists(context, { userNid: principal.userNid, userId: principal.userId, since, upTo }, at);
  },
});
