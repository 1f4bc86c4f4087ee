/** Owns the endpoints by which devices publish their keys and learn those of others. */
import { Type } from 'typebox';
import type { Clock } from '#core/clock.ts';
import { rawJson } from '#http/answer.ts';
import { endpoint } from '#http/endpoint.ts';
import { serverNameOf } from '#matrix/ids.ts';
import type { JsonObject } from '#matrix/pdu.ts';
import type { Database } from '#storage/database.ts';
import type { Streams } from '#streams/streams.ts';
import { claimKeys as claimKeysOfUsers } from '#users/keys/claim-keys.ts';
import { keysAnswerMembers, queryKeys as queryKeysOfUsers } from '#users/keys/query-keys.ts';
import { uploadKeys as uploadKeysOfDevice } from '#users/keys/upload-keys.ts';

/** What keys need. */
export type KeysContext = {
  readonly database: Database;
  readonly streams: Pick<Streams, 'write'>;
  readonly clock: Clock;
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
  handler: async ({ database, isLocal }: KeysContext, { body, principal }) => {
    const { local, failures } = divide(body.device_keys, isLocal);
    const answer = await queryKeysOfUsers(database, local, principal.userNid);
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
  handler: async (context: KeysContext, { body }) => {
    const { local, failures } = divide(body.one_time_keys, context.isLocal);
    const claimed = await claimKeysOfUsers(context, local);
    return rawJson(`{"one_time_keys":${claimed},"failures":${JSON.stringify(failures)}}`);
  },
});

/** What is asked of users of this server, and the other servers, none of which can be reached from here. */
function divide<Asked>(
  byUser: Readonly<Record<string, Asked>>,
  isLocal: (id: string) => boolean,
): { readonly local: Record<string, Asked>; readonly failures: Record<string, object> } {
  const local = Object.entries(byUser).filter(([userId]) => isLocal(userId));
  const others = Object.keys(byUser).filter((userId) => !isLocal(userId));
  const failure = { errcode: 'M_UNKNOWN', error: 'This server cannot be asked: there is no federation with it.' };
  return {
    local: Object.fromEntries(local),
    failures: Object.fromEntries(others.map((userId) => [serverNameOf(userId) ?? userId, failure])),
  };
}
