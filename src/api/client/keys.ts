/** Owns the endpoints by which devices publish their keys and learn those of others. */
import { Type } from 'typebox';
import type { Clock } from '#core/clock.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import type { FederationClient } from '#federation/federation-client.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { Database } from '#storage/database.ts';
import type { Streams } from '#streams/streams.ts';
import { claimedJson, claimKeys as claimKeysOfUsers, requireFewClaims } from '#users/keys/claim-keys.ts';
import type { ClaimLimits } from '#users/keys/claim-limits.ts';
import { keysAnswerMembers, queryKeys as queryKeysOfUsers, requireFewAsked } from '#users/keys/query-keys.ts';
import { uploadKeys as uploadKeysOfDevice } from '#users/keys/upload-keys.ts';
import { claimRemoteKeys } from '#users/remote/claim-remote-keys.ts';
import { queryRemoteKeys } from '#users/remote/query-remote-keys.ts';

/** What keys need. */
export type KeysContext = {
  readonly database: Database;
  readonly streams: Pick<Streams, 'write'>;
  readonly federation: { readonly client: FederationClient };
  readonly clock: Clock;
  readonly claimLimits: ClaimLimits;
  readonly isLocal: (id: string) => boolean;
};

const keysSchema = Type.Unsafe<JsonObject>(Type.Object({}));

export const uploadKeys = endpoint({
  operation: 'client.uploadKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/upload',
  aliases: ['/_matrix/client/r0/keys/upload'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'send',
  numbers: 'canonical',
  body: Type.Object({
    device_keys: Type.Optional(keysSchema),
    one_time_keys: Type.Optional(keysSchema),
    fallback_keys: Type.Optional(keysSchema),
  }),
  spec: 'Client-Server API, Uploading keys',
  handler: async (context: KeysContext, { body, principal }) => ({
    one_time_key_counts: await uploadKeysOfDevice(context, principal, body),
  }),
});

const timeout = Type.Optional(Type.Integer());

export const queryKeys = endpoint({
  operation: 'client.queryKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/query',
  aliases: ['/_matrix/client/r0/keys/query'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'sync',
  bodyRequired: true,
  body: Type.Object({ timeout, device_keys: Type.Record(Type.String(), Type.Array(Type.String())) }),
  spec: 'Client-Server API, Tracking the device list for a user',
  handler: async (context: KeysContext, { body, principal }) => {
    requireFewAsked(body.device_keys);
    const { local, others } = divide(body.device_keys, context.isLocal);
    const { failures, ...remote } = await queryRemoteKeys(context, others, body.timeout);
    const answer = await queryKeysOfUsers(context.database, local, principal.userNid, remote);
    const members = keysAnswerMembers.map((member) => `"${member}":${answer[member]}`);
    return rawJson(`{${members.join(',')},"failures":${JSON.stringify(failures)}}`);
  },
});

export const claimKeys = endpoint({
  operation: 'client.claimKeys',
  method: 'POST',
  path: '/_matrix/client/v3/keys/claim',
  aliases: ['/_matrix/client/r0/keys/claim'],
  auth: 'user',
  allow: ['suspended'],
  guests: true,
  rateLimit: 'sync',
  bodyRequired: true,
  body: Type.Object({
    timeout,
    one_time_keys: Type.Record(Type.String(), Type.Record(Type.String(), Type.String())),
  }),
  spec: 'Client-Server API, One-time and fallback keys',
  handler: async (context: KeysContext, { body, principal }) => {
    requireFewClaims(body.one_time_keys);
    const { local, others } = divide(body.one_time_keys, context.isLocal);
    const [own, { claimed, failures }] = await Promise.all([
      claimKeysOfUsers(context, principal.userId, local),
      claimRemoteKeys(context, others, body.timeout),
    ]);
    return rawJson(`{"one_time_keys":${claimedJson([...own, ...claimed])},"failures":${JSON.stringify(failures)}}`);
  },
});

/** What is asked of users of this server, and of others. */
function divide<Asked>(
  byUser: Readonly<Record<string, Asked>>,
  isLocal: (id: string) => boolean,
): { readonly local: Record<string, Asked>; readonly others: Record<string, Asked> } {
  const entries = Object.entries(byUser);
  return {
    local: Object.fromEntries(entries.filter(([userId]) => isLocal(userId))),
    others: Object.fromEntries(entries.filter(([userId]) => !isLocal(userId))),
  };
}
