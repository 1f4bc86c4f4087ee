/** Owns GET /sync. */
import { Type } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { answerSync } from '#sync/answer-sync.ts';
import { requireFilter, requireSince } from '#sync/read-request.ts';

const query = Type.Object({
  filter: Type.Optional(Type.String()),
  since: Type.Optional(Type.String()),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(
    Type.Union([Type.Literal('offline'), Type.Literal('online'), Type.Literal('unavailable')]),
  ),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  use_state_after: Type.Optional(Type.Boolean()),
});

export const sync = endpoint({
  operation: 'client.sync',
  method: 'GET',
  path: '/_matrix/client/v3/sync',
  aliases: ['/_matrix/client/r0/sync'],
  auth: 'user',
  allow: ['suspended'],
  rateLimit: 'sync',
  query,
  hot: true,
  spec: 'Client-Server API, Syncing',
  handler: async (context: Context, request) => {
    const { principal } = request;
    const filter = await requireFilter(context.database, principal.userNid, request.query.filter);
    const since =
      request.query.since === undefined ? undefined : await requireSince(context.streams, request.query.since);
    if (since !== undefined) await context.deliveries.acknowledge(principal.deviceNid, since);
    const timeoutMs = Math.min(request.query.timeout ?? 0, context.config.limits.syncTimeoutMsMax);
    await context.presence.syncing(principal, request.query.set_presence ?? 'online', timeoutMs);
    const text = await answerSync(context, {
      userNid: principal.userNid,
      userId: principal.userId,
      deviceNid: principal.deviceNid,
      since,
      filter,
      fullState: request.query.full_state ?? false,
      useStateAfter: request.query.use_state_after ?? false,
      timeoutMs,
      // Made when it is first read, which an answer that is there at once does not do.
      get signal() {
        return request.signal;
      },
    });
    return rawJson(text);
  },
});
