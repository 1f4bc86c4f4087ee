/** Owns GET /sync. */
import { Type, type Static } from 'typebox';
import type { Context } from '#context.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { answerSync } from '#sync/answer-sync.ts';
import { requireFilter, requireSince } from '#sync/read-request.ts';
import type { SyncRequest } from '#sync/sync-request.ts';

const query = Type.Object({
  filter: Type.Optional(Type.String()),
  since: Type.Optional(Type.String()),
  full_state: Type.Optional(Type.Boolean()),
  set_presence: Type.Optional(
    Type.Union([Type.Literal('offline'), Type.Literal('online'), Type.Literal('unavailable')]),
  ),
  timeout: Type.Optional(Type.Integer({ minimum: 0 })),
  use_state_after: Type.Optional(Type.Boolean()),
  'org.matrix.msc4222.use_state_after': Type.Optional(Type.Boolean()),
});

/** Under which name the state after the timeline is wanted, if it is: that of the specification or that of the proposal. */
function stateAfterName(asked: Static<typeof query>): SyncRequest['stateAfterName'] {
  if (asked.use_state_after === true) return 'state_after';
  return asked['org.matrix.msc4222.use_state_after'] === true ? 'org.matrix.msc4222.state_after' : undefined;
}

export const sync = endpoint({
  operation: 'client.sync',
  method: 'GET',
  path: '/_matrix/client/v3/sync',
  aliases: ['/_matrix/client/r0/sync'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
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
      stateAfterName: stateAfterName(request.query),
      timeoutMs,
      // Made when it is first read, which an answer that is there at once does not do.
      get signal() {
        return request.signal;
      },
    });
    return rawJson(text);
  },
});
